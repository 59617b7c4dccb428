package balancer_test

import (
	"fmt"
	"net/http"
	"testing"

	"workbench/lab/balancer"
	"workbench/lab/fleet"
)

// TestPassGoesToItsInstanceAlone sends what a client claims to nobody.
func TestPassGoesToItsInstanceAlone(t *testing.T) {
	says := func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Header.Get("Workbench-Pass")) }
	a, p := newUpstream(t, "a", says), newUpstream(t, "p1", says)
	b := start(t, fleet.RoundRobin, a)
	if err := b.SetBackends([]balancer.Backend{{Name: "a", Addr: a.addr}, {Name: "p1", Addr: p.addr, Pass: "secret"}}); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for range 10 {
		in, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+b.Addr()+"/items/7", nil)
		if err != nil {
			t.Fatal(err)
		}
		in.Header.Set("Workbench-Pass", "guessed")
		res, err := http.DefaultClient.Do(in)
		if err != nil {
			t.Fatal(err)
		}
		var got [16]byte
		n, _ := res.Body.Read(got[:])
		res.Body.Close()
		seen[string(got[:n])]++
	}
	http.DefaultClient.CloseIdleConnections()
	if err := b.SetBackends([]balancer.Backend{{Name: "p1", Addr: "192.0.2.1:80"}}); err == nil {
		t.Error("an address elsewhere was taken without a pass")
	}
	if err := b.SetBackends([]balancer.Backend{{Name: "a", Addr: a.addr}, {Name: "p1", Addr: "192.0.2.1:80", Pass: "secret"}}); err != nil {
		t.Errorf("SetBackends of an instance elsewhere with its pass = %v, want nil", err)
	}
	if seen["secret"] != 5 || seen[""] != 5 {
		t.Errorf("the instances saw the passes %v, want five times the right one and five times none", seen)
	}
}
