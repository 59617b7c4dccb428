package live

import "workbench/sim/clock"

// StrikeNow brings a rehearsal's fault about without waiting for its moment.
func (l *Lab) StrikeNow() error {
	r, err := l.current()
	if err != nil {
		return err
	}
	return r.strike(l.observe.rehearsal.session.Cause().Name, true)
}

// NewVigil opens a vigil to its test.
func NewVigil(w *clock.Wall) *vigil { return newVigil(w) }

// Look is look.
func (v *vigil) Look(f Frame, alone, retries bool) string { return v.look(f, alone, retries) }
