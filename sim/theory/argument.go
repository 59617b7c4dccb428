package theory

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// ArgumentError says that a formula does not hold for an argument.
type ArgumentError struct {
	Func, Name string
	Got, Want  string
}

// Error implements error.
func (e *ArgumentError) Error() string {
	return fmt.Sprintf("theory: %s: %s is %s, want %s", e.Func, e.Name, e.Got, e.Want)
}

// checks collects what is wrong with the arguments of one function, so that all
// of it is reported at once.
type checks struct {
	name   string
	faults []error
}

func check(name string) *checks { return &checks{name: name} }

// that adds a fault unless ok. Comparisons in ok must be written so that NaN
// fails them.
func (c *checks) that(ok bool, name string, got any, want string) *checks {
	if !ok {
		c.faults = append(c.faults, &ArgumentError{c.name, name, fmt.Sprint(got), want})
	}
	return c
}

func (c *checks) share(name string, v float64) *checks {
	return c.that(v >= 0 && v <= 1, name, v, "a share from 0 to 1")
}

// positive accepts finite numbers above 0.
func (c *checks) positive(name string, v float64) *checks {
	return c.that(v > 0 && v <= math.MaxFloat64, name, v, "a finite number above 0")
}

// least accepts finite numbers from low on.
func (c *checks) least(name string, v, low float64) *checks {
	return c.that(v >= low && v <= math.MaxFloat64, name, v, fmt.Sprintf("a finite number of %g or more", low))
}

func (c *checks) count(name string, n, low, high int) *checks {
	return c.that(n >= low && n <= high, name, n, fmt.Sprintf("%d to %d", low, high))
}

func (c *checks) lasting(name string, d time.Duration) *checks {
	return c.that(d > 0, name, d, "a duration above 0")
}

// result returns v, or 0 and what is wrong; a v too large for a float64 is the
// fault of the named argument.
func (c *checks) result(v float64, name string, got float64) (float64, error) {
	if len(c.faults) == 0 {
		c.that(v <= math.MaxFloat64, name, got, "less: the result is too large")
	}
	if err := c.err(); err != nil {
		return 0, err
	}
	return v, nil
}

func (c *checks) err() error { return errors.Join(c.faults...) }

// seconds returns s seconds as a duration, at most the longest there is.
func seconds(s float64) time.Duration {
	ns := s * float64(time.Second)
	if ns >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(math.Round(ns))
}
