package classics

import (
	"context"
	"fmt"
)

// Record is a classic and what one run of it gave, as it is written down.
type Record struct {
	ID        string  `json:"id"`
	Title     string  `json:"title"`
	Source    string  `json:"source"`
	Figure    string  `json:"figure"`
	Theory    float64 `json:"theory"`
	Tolerance float64 `json:"tolerance"`
	Seed      uint64  `json:"seed"`
	Value     float64 `json:"value"`
	Low       float64 `json:"low"` // of the 95 % confidence interval
	High      float64 `json:"high"`
	Samples   int     `json:"samples"`
	OK        bool    `json:"ok"`
	Reason    string  `json:"reason,omitempty"` // why the figure is not reproduced
}

// Half returns half the width of the confidence interval.
func (r Record) Half() float64 { return max(r.High-r.Value, r.Value-r.Low) }

// Try runs a classic and judges it. A figure that is not reproduced is no
// error; the error is that of a run that could not be carried out.
func (c Classic) Try(ctx context.Context, seed uint64) (Record, error) {
	r, err := c.Run(ctx, seed)
	if err != nil {
		return Record{}, fmt.Errorf("classic %s: %w", c.ID, err)
	}
	out := Record{
		ID: c.ID, Title: c.Title, Source: c.Source, Figure: c.Figure, Theory: c.Theory, Tolerance: c.Tolerance, Seed: seed,
		Value: r.Value, Low: r.Low, High: r.High, Samples: r.Samples, OK: true,
	}
	if err := c.Judge(r); err != nil {
		out.OK, out.Reason = false, err.Error()
	}
	return out, nil
}

// Find returns the classic with this ID; false: there is none.
func Find(id string) (Classic, bool) {
	for _, c := range All() {
		if c.ID == id {
			return c, true
		}
	}
	return Classic{}, false
}
