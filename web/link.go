package web

import (
	"workbench/lab/live"
	"workbench/lab/scenario"
	"workbench/web/view"
)

// askOf makes the question whether to start what a shared link holds, or the
// answer why it cannot be started.
func askOf(query string, set live.Setup, err error) *view.Ask {
	if err == nil {
		title := set.Scenario
		if spec, err := scenario.Find(set.Scenario); err == nil {
			title = spec.Title
		}
		return view.AskOf(query, title, set)
	}
	v := &view.Ask{}
	fields := fieldsOf(err)
	for _, f := range fields {
		v.Faults = append(v.Faults, view.LinkFault{Name: f.Name, Got: f.Got, Want: f.Want})
	}
	if len(fields) == 0 {
		v.Faults = []view.LinkFault{{Name: "link", Want: problemOf(err).Detail}}
	}
	return v
}
