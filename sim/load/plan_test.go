package load_test

import (
	"math"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"workbench/sim/load"
	"workbench/sim/population"
	"workbench/sim/stat"
)

func TestValidateNamesTheField(t *testing.T) {
	for _, c := range []struct {
		edit func(p *load.Plan)
		want string // "": the plan is good
	}{
		{func(p *load.Plan) {}, ""},
		{func(p *load.Plan) { p.Target = "[::1]:80" }, ""},
		{func(p *load.Plan) { p.Target = "localhost:80" }, ""},
		{func(p *load.Plan) { p.Target = "127.0.0.1" }, "target: "},
		{func(p *load.Plan) { p.Target = "127.0.0.1:0" }, "target: port"},
		{func(p *load.Plan) { p.Target = "192.0.2.1:80" }, "not a loopback address"},
		{func(p *load.Plan) { p.Target = "0.0.0.0:80" }, "not a loopback address"},
		{func(p *load.Plan) { p.Duration = 0 }, "duration: "},
		{func(p *load.Plan) { p.Duration = load.MaxDuration + 1 }, "duration: "},
		{func(p *load.Plan) { p.Conns = load.MaxConns + 1 }, "conns: "},
		{func(p *load.Plan) { p.MaxPending = -1 }, "max_pending: "},
		{func(p *load.Plan) { p.Schedule = nil }, "schedule: "},
		{func(p *load.Plan) { p.Schedule[0].Shape.Rate = 50_001 }, "schedule: "},
		{func(p *load.Plan) { p.Arrivals = "often" }, "arrivals"},
		{func(p *load.Plan) { p.Ops = nil }, "ops: "},
		{func(p *load.Plan) { p.Ops[0].Path = "item" }, "ops[0].path: "},
		{func(p *load.Plan) { p.Ops[0].Path = "/a\r\nHost: x" }, "ops[0].path: "},
		{func(p *load.Plan) { p.Ops[0].Method = "GET /" }, "ops[0].method: "},
		{func(p *load.Plan) { p.Ops[0].Priority = "vip" }, "ops[0].priority: "},
		{func(p *load.Plan) { p.Population.Mix = []population.Weight{{Op: "none", Weight: 1}} }, "mix[0]"},
		{func(p *load.Plan) { p.Client.Timeout = -1 }, "client.timeout: "},
		{func(p *load.Plan) { p.Client.Retries = 100 }, "client.retries: "},
		{func(p *load.Plan) { p.Client.Backoff = -1 }, "client.backoff: "},
		{func(p *load.Plan) { p.Client.Backoff, p.Client.BackoffCap = 2, 1 }, "client.backoff_cap: "},
		{func(p *load.Plan) { p.Client.Budget = math.NaN() }, "client.budget: "},
		{func(p *load.Plan) { p.Client.ReadBps = -1 }, "client.read_bps: "},
	} {
		p := plan("127.0.0.1:80", 1, time.Second)
		c.edit(&p)
		err := p.Validate()
		switch {
		case c.want == "" && err != nil:
			t.Errorf("Validate = %v, want nil", err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("Validate = %v, want an error with %q", err, c.want)
		}
	}
}

func TestValidateReportsAllFaults(t *testing.T) {
	err := load.Plan{}.Validate()
	for _, field := range []string{"target", "duration", "ops", "schedule"} {
		if err == nil || !strings.Contains(err.Error(), field+": ") {
			t.Errorf("Validate = %v, want a fault of %s", err, field)
		}
	}
}

func TestDrawRepeats(t *testing.T) {
	list := func(seed uint64) (all []load.Arrival) {
		p := plan("", 1000, time.Second)
		p.Seed = seed
		arrivals, err := load.Draw(p)
		if err != nil {
			t.Fatal(err)
		}
		for a := range arrivals {
			all = append(all, a)
		}
		return all
	}
	one := list(1)
	if !reflect.DeepEqual(one, list(1)) || reflect.DeepEqual(one, list(2)) {
		t.Errorf("the same seed draws otherwise, or another seed the same")
	}
	if n := len(one); n < 850 || n > 1150 {
		t.Errorf("%d arrivals at 1,000/s in a second, want within 5 σ", n)
	}
}

func TestApply(t *testing.T) {
	t.Parallel()
	p := plan(serve(t, func(*http.Request) string { return reply("200 OK", "") }), 1000, 30*time.Second)
	r, err := load.Start(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	number := func(x float64) *float64 { return &x }
	minute, hour := time.Minute, time.Hour
	for _, c := range []struct {
		change load.Change
		want   string
	}{
		{load.Change{}, ""},
		{load.Change{Factor: number(-1)}, "factor: "},
		{load.Change{Factor: number(math.NaN())}, "factor: "},
		{load.Change{Factor: number(51)}, "factor: "},
		{load.Change{Factor: number(20), Spike: &load.Spike{Factor: 3, For: time.Second}}, "spike.factor: "},
		{load.Change{Spike: &load.Spike{Factor: 3}}, "spike.for: "},
		{load.Change{Client: &load.Client{Retries: -1}}, "client.retries: "},
		{load.Change{Extend: &hour}, "extend: "},
		{load.Change{Factor: number(0), Extend: &hour}, "extend: "}, // nothing half-applied: the rate stays
		{load.Change{Factor: number(2), Spike: &load.Spike{Factor: 3, For: time.Second}, Client: &load.Client{}, Extend: &minute}, ""},
	} {
		err := r.Apply(c.change)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("Apply(%+v) = %v, want %q", c.change, err, c.want)
		}
	}
	var sum load.Frame
	for f := range r.Frames() {
		if sum.Add(f); sum.Offered > 100 {
			break
		}
	}
	// A dial at 0 and back: the arrival that would never come is drawn anew.
	for _, x := range []float64{0, 1} {
		if err := r.Apply(load.Change{Factor: number(x)}); err != nil {
			t.Error(err)
		}
	}
	before := sum.Offered
	for f := range r.Frames() {
		if sum.Add(f); sum.Offered > before+500 {
			break
		}
	}
	if sum.Offered <= before+500 {
		t.Errorf("offered = %d after the dial went to 0 and back, want over %d", sum.Offered, before+500)
	}
	short := ms
	if err := r.Apply(load.Change{Extend: &short}); err != nil {
		t.Error(err)
	}
	for f := range r.Frames() {
		sum.Add(f)
	}
	if !sum.Done || r.Wait() != nil {
		t.Errorf("the run did not end well: done %v, %v", sum.Done, r.Wait())
	}
}

func TestSlowReaderLosesNoCounts(t *testing.T) {
	box := load.NewMailbox()
	const frames = 100
	for i := range frames {
		f := load.Frame{T: time.Duration(i), Offered: 1, Inflight: i, Reasons: map[string]uint64{"a": 1}, ByOp: []load.OpCount{{Good: 2}}, Done: i == frames-1}
		f.Lag = stat.Delta{Sum: 3, Cells: []stat.Cell{{Index: uint16(i % 2), Count: 1}}}
		box.Send(f)
	}
	box.Close()
	var sum load.Frame
	n := uint64(0)
	for f := range box.Out() {
		if n++; n == 1 {
			sum = f
			continue
		}
		sum.Add(f)
	}
	if sum.Offered != frames || sum.Reasons["a"] != frames || sum.ByOp[0].Good != 2*frames || count(sum.Lag) != frames || sum.Lag.Sum != 3*frames {
		t.Errorf("sum = %+v, want all of %d frames", sum, frames)
	}
	if sum.Inflight != frames-1 || !sum.Done || sum.Merged != frames-1 || n >= frames {
		t.Errorf("inflight %d, done %v, merged %d, received %d; want the last frame's", sum.Inflight, sum.Done, sum.Merged, n)
	}
	if want := []stat.Cell{{Index: 0, Count: frames / 2}, {Index: 1, Count: frames / 2}}; !reflect.DeepEqual(sum.Lag.Cells, want) {
		t.Errorf("lag cells = %v, want %v", sum.Lag.Cells, want)
	}
}
