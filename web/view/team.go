package view

import (
	"fmt"
	"strconv"

	"workbench/lab/live"
)

// Team is the panel of the instances, the balancer and the autoscaler.
type Team struct {
	Note  string // what the balancer does
	Count string
	Lost  string // sticky sessions
	Rows  []Member
	Parts []Part
	Fixed bool // the autoscaler decides how many there are
}

// Member is one instance.
type Member struct{ Name, State, Why, Inside, Share, Errors, Users string }

// Part is balancer or autoscaler with its form.
type Part struct {
	Name, Title, Note string
	Knobs             []Knob
}

// TeamOf makes the panel from the state.
func TeamOf(s live.State) Team {
	staying := 0
	for _, i := range s.Instances {
		if !i.Leaving {
			staying++
		}
	}
	t := Team{Count: strconv.Itoa(staying), Note: s.Balancer.Note, Lost: strconv.FormatUint(s.Balancer.Counters["sessions_lost"], 10)}
	for _, i := range s.Instances {
		m := Member{
			Name: i.Name, State: i.State, Why: i.Why, Inside: strconv.Itoa(i.Inflight), Share: Percent(i.Share),
			Errors: strconv.FormatUint(i.Errors, 10), Users: strconv.Itoa(i.Users),
		}
		if i.Weight > 0 && i.Weight < 1 {
			m.Why = fmt.Sprintf("weight %.2f", i.Weight)
		}
		t.Rows = append(t.Rows, m)
	}
	for _, p := range []struct {
		name, title string
		state       live.PartState
	}{{"balancer", "Balancer", s.Balancer}, {"autoscaler", "Autoscaler", s.Autoscaler}} {
		one := Part{Name: p.name, Title: p.title, Note: p.state.Note}
		for _, k := range p.state.Knobs {
			one.Knobs = append(one.Knobs, KnobOf(p.name, k))
			if p.name == "autoscaler" && k.Name == "on" {
				t.Fixed = k.Value == "true"
			}
		}
		t.Parts = append(t.Parts, one)
	}
	return t
}
