package theory

import "math"

// USL is the Universal Scalability Law: what n workers do together when a part
// of the work is done by one at a time and every pair must agree now and then
// (N. Gunther, "Guerrilla Capacity Planning", 2007, chapter 4). It describes
// measurements and does not follow from a model; its numbers come from fitting.
type USL struct {
	One        float64 // what one worker does a second
	Contention float64 // share of the work that is serial, often called α or σ
	Crosstalk  float64 // cost of agreement for each pair, often called β or κ
}

// Throughput returns what n workers do a second.
func (u USL) Throughput(n float64) (float64, error) {
	c := u.check("USL.Throughput").least("n", n, 1)
	// Divided through by n, so that no product can overflow before the end.
	each := 1/n + u.Contention*(1-1/n) + u.Crosstalk*(n-1)
	return c.result(u.One/each, "n", n)
}

// Peak returns the number of workers beyond which more do less, at least 1, and
// what they do a second. Without crosstalk there is no such number, and the
// error names it.
func (u USL) Peak() (n, throughput float64, err error) {
	c := u.check("USL.Peak").that(u.Crosstalk >= 1e-18, "Crosstalk", u.Crosstalk, "1e-18 or more: without it there is no peak")
	if err := c.err(); err != nil {
		return 0, 0, err
	}
	n = max(1, math.Sqrt((1-u.Contention)/u.Crosstalk))
	if throughput, err = u.Throughput(n); err != nil {
		return 0, 0, err
	}
	return n, throughput, nil
}

func (u USL) check(name string) *checks {
	return check(name).positive("One", u.One).share("Contention", u.Contention).
		that(u.Crosstalk >= 0 && u.Crosstalk <= 1, "Crosstalk", u.Crosstalk, "0 to 1")
}
