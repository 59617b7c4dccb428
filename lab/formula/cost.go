package formula

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"workbench/lab"
	"workbench/lab/system"
	"workbench/lab/system/kind"
	"workbench/sim/population"
)

// keysAsked bounds the items whose requests costs looks at.
const keysAsked = 1000

// costs returns an error when a request of the scenario is anything but one
// call of the database: the formulas take each try for one service. A mean cost
// would not do: the several calls of a request wait for a slot each, and users
// who are late leave work of different sizes behind.
func (p *plan) costs() []error {
	k, ok := kind.Find(p.spec.System)
	if !ok {
		return []error{fmt.Errorf("system is %q, want one of %s", p.spec.System, kind.Names())}
	}
	people := p.spec.Population.WithDefaults()
	var each []string
	plain, least, most := true, math.MaxInt, 0
	for _, op := range asked(people, k) {
		lo, hi, single := calls(k, op, people)
		plain = plain && single
		least, most = min(least, lo), max(most, hi)
		each = append(each, k.Ops[op].Name+" "+span(lo, hi))
	}
	switch {
	case plain:
		return nil
	case least == most:
		return []error{fmt.Errorf("operations of several calls, or with a line of their own (calls of a dependency: %s): %w", strings.Join(each, ", "), ErrNone)}
	}
	return []error{fmt.Errorf("operations that cost different amounts (calls of a dependency: %s): %w", strings.Join(each, ", "), ErrNone)}
}

// asked returns the operations that users ask for, as indices into the system's.
func asked(people population.Spec, k system.Kind) []int {
	var out []int
	for i, op := range k.Ops {
		if slices.ContainsFunc(people.Mix, func(w population.Weight) bool { return w.Op == op.Name && w.Weight > 0 }) {
			out = append(out, i)
		}
	}
	if len(out) == 0 {
		return []int{0} // without a mix all ask for the first
	}
	return out
}

// calls returns the fewest and the most calls that an operation makes, over
// items and users, and whether it is always one call without a line.
func calls(k system.Kind, op int, people population.Spec) (least, most int, single bool) {
	least, single = math.MaxInt, true
	var buf [4]system.Visit
	look := func(key, user uint64) {
		r := lab.Request{Op: uint8(op), Key: key, User: user}
		path := k.Path(&r, buf[:0])
		n := 0
		for _, v := range path {
			n += v.Times
			single = single && v.Line == system.Line{}
		}
		single = single && n == 1
		least, most = min(least, n), max(most, n)
	}
	look(max(people.Hot.Key, 1), 1)
	for i := range min(people.Keys, keysAsked) {
		look(i+1, i+1)
	}
	return least, most, single
}

// span writes one number or two.
func span(lo, hi int) string {
	if lo == hi {
		return fmt.Sprint(lo)
	}
	return fmt.Sprintf("%d to %d", lo, hi)
}
