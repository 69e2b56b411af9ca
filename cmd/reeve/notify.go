package main

import "net"

// notify tells the service manager that started this process, if one asked for
// it, how the server is: sd_notify(3), which systemd and others have.
func (s *serverProcess) notify(p *process, state string) {
	socket := p.getenv("NOTIFY_SOCKET")
	if socket == "" {
		return
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		s.log.Warn("tell the service manager", "state", state, "error", err)
		return
	}
	defer c.Close()
	if _, err := c.Write([]byte(state)); err != nil {
		s.log.Warn("tell the service manager", "state", state, "error", err)
	}
}
