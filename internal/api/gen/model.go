package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
)

// A model is what gen reads of a service-2.json.
type model struct {
	Metadata   metadata             `json:"metadata"`
	Operations map[string]operation `json:"operations"`
	Shapes     map[string]*shape    `json:"shapes"`
}

type metadata struct {
	APIVersion      string `json:"apiVersion"`
	ServiceFullName string `json:"serviceFullName"`
	TargetPrefix    string `json:"targetPrefix"`
}

type operation struct {
	Name   string `json:"name"`
	Input  *ref   `json:"input"`
	Output *ref   `json:"output"`
	Errors []ref  `json:"errors"`
}

// A shape is a type of the model with its constraints.
type shape struct {
	Type      string   `json:"type"`
	Members   members  `json:"members"`
	Required  []string `json:"required"`
	Exception bool     `json:"exception"`
	Fault     bool     `json:"fault"`
	Member    *ref     `json:"member"` // of a list
	Key       *ref     `json:"key"`    // of a map
	Value     *ref     `json:"value"`  // of a map
	Min       *int64   `json:"min"`
	Max       *int64   `json:"max"`
	Pattern   string   `json:"pattern"`
	Enum      []string `json:"enum"`
}

// A ref names a shape.
type ref struct {
	Shape string `json:"shape"`
}

// member is one member of a structure.
type member struct{ Name, Shape string }

// members are a structure's members in the model's order.
type members []member

// UnmarshalJSON implements [json.Unmarshaler]; a map would lose the order.
func (m *members) UnmarshalJSON(data []byte) error {
	byName := map[string]ref{}
	if err := json.Unmarshal(data, &byName); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if _, err := dec.Token(); err != nil { // {
		return err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		if err := dec.Decode(new(json.RawMessage)); err != nil {
			return err
		}
		*m = append(*m, member{name.(string), byName[name.(string)].Shape})
	}
	return nil
}

func load(path string) (*model, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m := new(model)
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return m, nil
}

// check says whether every shape that the model names is in it.
func (m *model) check() error {
	if m.Metadata.TargetPrefix == "" || len(m.Operations) == 0 {
		return errors.New("not a service model: no targetPrefix or no operations")
	}
	var names []string
	for _, op := range m.Operations {
		if op.Input == nil || op.Output == nil {
			return fmt.Errorf("operation %s has no input or no output", op.Name)
		}
		names = append(names, op.Input.Shape, op.Output.Shape)
		for _, e := range op.Errors {
			names = append(names, e.Shape)
		}
	}
	for _, s := range m.Shapes {
		names = append(names, s.refers()...)
	}
	for _, name := range names {
		if m.Shapes[name] == nil {
			return fmt.Errorf("shape %q is not in the model", name)
		}
	}
	return nil
}

// refers lists the shapes that s names.
func (s *shape) refers() []string {
	var names []string
	for _, m := range s.Members {
		names = append(names, m.Shape)
	}
	for _, r := range []*ref{s.Member, s.Key, s.Value} {
		if r != nil {
			names = append(names, r.Shape)
		}
	}
	return names
}

// agree says whether the shapes that are in both models are the same in both.
// Nested shapes are compared by name here and by content in their own turn.
func agree(a, b *model) error {
	for _, name := range slices.Sorted(maps.Keys(a.Shapes)) {
		if other := b.Shapes[name]; other != nil && !reflect.DeepEqual(a.Shapes[name], other) {
			return fmt.Errorf("shape %s is not the same in both models", name)
		}
	}
	return nil
}
