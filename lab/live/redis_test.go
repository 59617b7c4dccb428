package live_test

import (
	"log/slog"
	"net"
	"strings"
	"testing"

	"workbench/lab/live"
)

// A Redis that was given and does not answer, or refuses the password, is one
// line of the log and on the diagram; the lab runs on its own in its place.
func TestRedisThatCannotBeUsed(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder // read after the lab has opened, which is when it is written to
	r := open(t, func(c *live.Config) {
		c.RedisURL, c.Log = "redis://me:hunter2@"+gone.Addr().String(), slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelError}))
	})
	if lines := said.String(); strings.Count(lines, "\n") != 1 || !strings.Contains(lines, "our own takes its place") || strings.Contains(lines, "hunter2") {
		t.Errorf("logged %q, want one line, without the password", lines)
	}
	r.load(calm)
	s := r.State()
	n := node(s, "cache")
	if !n.Up || !strings.Contains(n.Note, "embedded") || !strings.Contains(n.Degraded, "in place of the Redis that was given: redis at "+gone.Addr().String()) || strings.Contains(n.Degraded, "hunter2") {
		t.Errorf("the diagram shows %+v, want the embedded one in place of that which was given", n)
	}
	if s.Redis.Kind != "embedded" || !s.Redis.Up || s.Redis.Degraded == "" {
		t.Errorf("state %+v, want the embedded one, up, with why", s.Redis)
	}
}
