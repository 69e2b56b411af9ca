package clients_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"reeve/internal/api"
)

// A teller tells the story through one client.
type teller interface {
	// call calls an operation of License Manager with a JSON object, and
	// returns the answer's as the client gives it to its user, with times in
	// RFC 3339.
	call(t *testing.T, operation string, in []byte) ([]byte, *refusal)

	// put reports resources in the way that the client has for it.
	put(t *testing.T, resources []api.Resource)
}

// opening makes a teller that signs with a key.
type opening func(t *testing.T, s *server, k key) teller

// refusal is an error as a client gives it to its user.
type refusal struct {
	Code    string
	Message string
	Type    string // what a program catches it as: the shape's name, or "" for no type of its own
}

// imports is the way of clients that know AWS's services alone: reeve import.
type imports struct {
	server *server
	key    key
}

func (i imports) put(t *testing.T, resources []api.Resource) {
	t.Helper()
	text, err := jsonv2.Marshal(resources)
	must(t, "encode resources", err)
	file := filepath.Join(t.TempDir(), "resources.json")
	must(t, "write resources", os.WriteFile(file, text, 0o600))
	i.server.reeve(t, i.key, "import", file)
}

// bridge is a teller in another language: a program that reads requests and
// writes answers, one JSON object a line, until its input ends.
type bridge struct {
	in  io.Writer
	out *bufio.Reader
}

type bridgeRequest struct {
	Service   string          `json:"service"`
	Operation string          `json:"operation"`
	Input     json.RawMessage `json:"input"`
}

type bridgeAnswer struct {
	Output json.RawMessage
	Error  *refusal
}

// openBridge starts a bridge until the test's end. Its first line says that
// it is ready.
func openBridge(t *testing.T, env []string, program string, args ...string) *bridge {
	t.Helper()
	var errs bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Env, cmd.Stderr = env, &errs
	in, err := cmd.StdinPipe()
	must(t, "open bridge", err)
	out, err := cmd.StdoutPipe()
	must(t, "open bridge", err)
	must(t, "start bridge", cmd.Start())
	late := time.AfterFunc(5*patience, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s ended with: %v", filepath.Base(program), err)
		}
		late.Stop()
		if t.Failed() {
			t.Logf("%s says:\n%s", filepath.Base(program), &errs)
		}
	})
	b := &bridge{in: in, out: bufio.NewReader(out)}
	b.line(t)
	return b
}

func (b *bridge) line(t *testing.T) []byte {
	t.Helper()
	line, err := b.out.ReadBytes('\n')
	must(t, "read from bridge", err)
	return line
}

func (b *bridge) ask(t *testing.T, service, operation string, in []byte) ([]byte, *refusal) {
	t.Helper()
	request, err := json.Marshal(bridgeRequest{service, operation, in})
	must(t, "encode request", err)
	_, err = fmt.Fprintf(b.in, "%s\n", request)
	must(t, "write to bridge", err)
	var answer bridgeAnswer
	must(t, "decode answer", json.Unmarshal(b.line(t), &answer))
	return answer.Output, answer.Error
}

func (b *bridge) call(t *testing.T, operation string, in []byte) ([]byte, *refusal) {
	t.Helper()
	return b.ask(t, "license-manager", operation, in)
}

// wire is a value of AWS's Go types as JSON has it: members that were not set
// are left out, which a nil pointer, a nil list and an enum's empty value say.
func wire(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		return wire(v.Elem())
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = wire(v.Index(i))
		}
		return list
	case reflect.Struct:
		object := map[string]any{}
		for i := range v.NumField() {
			if name := v.Type().Field(i); name.IsExported() && isSet(v.Field(i)) {
				object[name.Name] = wire(v.Field(i))
			}
		}
		return object
	}
	return v.Interface()
}

func isSet(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice:
		return !v.IsNil()
	case reflect.String:
		return v.Len() > 0
	}
	return true
}
