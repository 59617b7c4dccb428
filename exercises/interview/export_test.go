package interview

// ShownBy returns the scenarios in which concepts can be seen, by concept, and
// how many entries the list has.
func ShownBy() (map[string]string, int) {
	n := 0
	for _, s := range shows() {
		n += len(s.concepts)
	}
	return shownBy(), n
}

// PointsOf returns how many points with claims each question has.
func PointsOf(c *Catalog) map[string]int {
	out := map[string]int{}
	for i, q := range c.questions {
		out[q.ID] = len(c.asked[i].points)
	}
	return out
}
