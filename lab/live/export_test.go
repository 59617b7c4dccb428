package live

// StrikeNow brings a rehearsal's fault about without waiting for its moment.
func (l *Lab) StrikeNow() error {
	r, err := l.current()
	if err != nil {
		return err
	}
	return r.strike(l.observe.rehearsal.session.Cause().Name, true)
}
