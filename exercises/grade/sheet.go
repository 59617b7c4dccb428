package grade

// Sheet is a verdict as JSON: what the API answers and the learner's file keeps.
// The keys are stable.
type Sheet struct {
	Exercise   string `json:"exercise"`
	Accepted   bool   `json:"accepted"`
	Score      int    `json:"score"`
	Cases      []Mark `json:"cases"`
	Race       *bool  `json:"race"` // found; null: not checked
	Leak       *bool  `json:"leak"`
	DurationMS int64  `json:"duration_ms"`
	Reason     string `json:"reason"`
	SheetDetail
}

// SheetDetail is what a page shows of a verdict beside that.
type SheetDetail struct {
	State  string   `json:"state,omitempty"`
	Of     int      `json:"of,omitempty"`
	Output string   `json:"output,omitempty"`
	Advice []string `json:"advice,omitempty"`
	Lesson string   `json:"lesson,omitempty"`
}

// Mark is one test of a Sheet.
type Mark struct {
	Name    string `json:"name"`
	OK      bool   `json:"ok"`
	Points  int    `json:"points"`
	Message string `json:"message"`
	// What the test did before it complained; absent from a test that passed.
	Trace   []Moment `json:"trace,omitempty"`
	Earlier int      `json:"earlier,omitempty"` // moments before those
	MarkDetail
}

// MarkDetail is what a page shows of a test beside that.
type MarkDetail struct {
	Status   string `json:"status,omitempty"`
	Of       int    `json:"of,omitempty"`
	Expected string `json:"expected,omitempty"`
	Got      string `json:"got,omitempty"`
	At       string `json:"at,omitempty"` // file:line
	Hint     string `json:"hint,omitempty"`
}

// Plain returns the sheet without details: what `bin/workbench check --json` prints.
func (s Sheet) Plain() Sheet {
	s.SheetDetail = SheetDetail{}
	s.Cases = append([]Mark{}, s.Cases...)
	for i := range s.Cases {
		s.Cases[i].MarkDetail = MarkDetail{}
	}
	return s
}

// found writes a finding; nil: it was not looked for.
func found(f Finding) *bool {
	if f == Unchecked {
		return nil
	}
	return new(f == Found)
}

// Sheet writes a verdict down.
func (v Verdict) Sheet() Sheet {
	out := Sheet{
		Exercise: v.Exercise, Accepted: v.Accepted, Score: v.Score, Cases: []Mark{}, Race: found(v.Race), Leak: found(v.Leak),
		DurationMS: v.Duration.Milliseconds(), Reason: v.Reason,
		SheetDetail: SheetDetail{State: string(v.State), Of: v.Of, Output: v.Output, Advice: v.Advice, Lesson: v.Lesson},
	}
	for _, c := range v.Cases {
		out.Cases = append(out.Cases, Mark{
			Name: c.Name, OK: c.OK(), Points: c.Points, Message: c.Message, Trace: c.Trace, Earlier: c.Earlier,
			MarkDetail: MarkDetail{Status: string(c.State), Of: c.Of, Expected: c.Expected, Got: c.Got, At: c.At, Hint: c.Hint},
		})
	}
	return out
}
