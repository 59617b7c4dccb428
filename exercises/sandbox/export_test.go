package sandbox

// WithoutNamespaces returns a box that confines as on a kernel that forbids
// them.
func (b *Box) WithoutNamespaces() *Box {
	found := b.found
	found.Namespaces, found.Processes = false, false
	found.Missing = append(found.Missing, Lack{"namespaces", "a test does without them", "run other tests"})
	found.grade()
	return &Box{self: b.self, clock: b.clock, found: found}
}
