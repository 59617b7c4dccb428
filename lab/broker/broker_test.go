package broker_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"workbench/lab/broker"
)

func TestConfig(t *testing.T) {
	if err := broker.Default("orders").Validate(); err != nil {
		t.Errorf("Validate() of the default = %v, want nil", err)
	}
	for _, c := range []struct {
		name, want string
		change     func(*broker.Config)
	}{
		{"no name", "Queue", func(c *broker.Config) { c.Queue = "" }},
		{"a folder for a name", "Queue", func(c *broker.Config) { c.Queue = ".." }},
		{"a path for a name", "Queue", func(c *broker.Config) { c.Queue = "a/b" }},
		{"a long name", "Queue", func(c *broker.Config) { c.Queue = strings.Repeat("q", 81) }},
		{"no room", "Capacity is 0 (want 1 to", func(c *broker.Config) { c.Capacity = 0 }},
		{"no room for the dead", "DeadCapacity", func(c *broker.Config) { c.DeadCapacity = -1 }},
		{"no attempt", "Attempts", func(c *broker.Config) { c.Attempts = 0 }},
		{"too many attempts", "Attempts", func(c *broker.Config) { c.Attempts = 1001 }},
		{"no lease", "Lease", func(c *broker.Config) { c.Lease = 0 }},
		{"an endless lease", "Lease", func(c *broker.Config) { c.Lease = 25 * time.Hour }},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := broker.Default("orders")
			c.change(&config)
			if err := config.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Validate() = %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		in, want broker.Options
	}{
		{broker.Options{}, broker.Options{Workers: 1, Prefetch: 1}},
		{broker.Options{Workers: 4}, broker.Options{Workers: 4, Prefetch: 4}},
		{broker.Options{Workers: 4, Prefetch: 2, Group: "a"}, broker.Options{Workers: 4, Prefetch: 2, Group: "a"}},
	} {
		if got, err := c.in.Checked(); err != nil || got != c.want {
			t.Errorf("%+v.Checked() = %+v, %v; want %+v", c.in, got, err, c.want)
		}
	}
	_, err := broker.Options{Workers: -1, Prefetch: -1, Group: "a b"}.Checked()
	for _, field := range []string{"Workers is -1", "Prefetch is -1", "Group"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("Checked() = %v, want all faults at once, with %q", err, field)
		}
	}
}

func FuzzMessage(f *testing.F) {
	f.Add("id", "key", "name", "value", []byte("body"))
	f.Add("", "\x00", "\xff", "", []byte(nil))
	f.Add(strings.Repeat("x", 256), "", "", strings.Repeat("x", 4097), []byte("b"))
	f.Fuzz(func(t *testing.T, id, key, name, value string, body []byte) {
		m := broker.Message{ID: id, Key: key, Body: body, Headers: map[string]string{name: value}}
		err := m.Validate()
		if err != nil && !errors.Is(err, broker.ErrBad) {
			t.Errorf("Validate() = %v, want an ErrBad", err)
		}
		bad := id == "" || name == "" || len(id) > broker.MaxName || len(key) > broker.MaxName || len(value) > broker.MaxValue ||
			strings.ContainsRune(id+key+name, 0)
		if bad && err == nil {
			t.Errorf("Validate() of ID %q, Key %q, %q: %q = nil, want an error", id, key, name, value)
		}
	})
}
