package replica

// Remembered is how much is remembered of writes that a replica may lack.
func (r *Router) Remembered() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.sessions) + len(r.acked) + len(r.mine)
}
