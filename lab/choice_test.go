package lab_test

import (
	"context"
	"testing"

	"workbench/lab"
)

type ways struct {
	Size int `knob:"size" min:"1" max:"9" help:"a size"`
}

// sim is as much of a simulation as a choice needs.
type sim struct {
	lab.Sim
	request   lab.Request
	forwarded []int32
	replied   []lab.Response
}

func (s *sim) Request(int32) *lab.Request      { return &s.request }
func (s *sim) Forward(id int32)                { s.forwarded = append(s.forwarded, id) }
func (s *sim) Reply(_ int32, res lab.Response) { s.replied = append(s.replied, res) }
func choice() lab.Pattern {
	return lab.DefineChoice(lab.Pattern{Name: "size"}, 2, func() ways { return ways{Size: 4} })
}

func TestAChoiceTravelsWithTheRequest(t *testing.T) {
	p := choice()
	k, err := p.Settings(map[string]any{"size": 7})
	if err != nil {
		t.Fatal(err)
	}
	live, err := p.New(lab.Env{}, k)
	if err != nil {
		t.Fatal(err)
	}
	for state, want := range map[lab.State]int{lab.On: 7, lab.Shadow: 0} {
		got := 0
		h := live.Wrap(lab.HandlerFunc(func(_ context.Context, r *lab.Request) lab.Response {
			if k := lab.Chosen[ways](r, 2); k != nil {
				got = k.Size
			}
			if lab.Chosen[ways](r, 1) != nil {
				t.Error("another place holds the choice too")
			}
			return lab.Response{Missing: true}
		}), state)
		if res := h.Serve(t.Context(), &lab.Request{}); got != want || !res.Missing {
			t.Errorf("%v: the service saw size %d and answered %+v, want %d and its own answer", state, got, res, want)
		}
	}
	stage, err := p.NewStage(lab.Env{}, k)
	if err != nil {
		t.Fatal(err)
	}
	s := &sim{}
	stage.Enter(s, 5)
	stage.Leave(s, 5, lab.Response{Missing: true})
	if k := lab.Chosen[ways](&s.request, 2); k == nil || k.Size != 7 || len(s.forwarded) != 1 || s.forwarded[0] != 5 || len(s.replied) != 1 || !s.replied[0].Missing {
		t.Errorf("in virtual time: chose %+v, forwarded %v, replied %+v; want size 7, request 5 and its answer", k, s.forwarded, s.replied)
	}
}
