package main

import (
	"bytes"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
)

func TestTheServiceManagerIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Skip("there are no sockets of this kind: ", err)
	}
	defer socket.Close()
	var log bytes.Buffer
	s := &serverProcess{log: slog.New(slog.NewTextHandler(&log, nil))}
	asked := func(path string) *process {
		return &process{lookupEnv: func(name string) (string, bool) { return path, name == "NOTIFY_SOCKET" }}
	}
	s.notify(asked(path), "READY=1")
	got := make([]byte, 100)
	n, err := socket.Read(got)
	if err != nil || string(got[:n]) != "READY=1" || log.Len() > 0 {
		t.Errorf("it was told %q, %v\n%s", got[:n], err, &log)
	}
	s.notify(asked(""), "READY=1")
	if log.Len() > 0 {
		t.Errorf("where nobody asks, there is a warning: %s", &log)
	}
	s.notify(asked(path+"x"), "READY=1")
	if log.Len() == 0 {
		t.Error("a socket that is not there is passed over in silence")
	}
}
