package population

import (
	"errors"
	"fmt"
	"slices"

	"workbench/sim/dist"
)

// The defaults of a Spec.
const (
	DefaultUsers = 10_000
	DefaultKeys  = 1_000
)

// maxSkew is beyond every measured population: at 100 the second item is asked
// for once in 10^30 requests.
const maxSkew = 100

// MaxOps is how many operations a service may have.
const MaxOps = 256

// WithDefaults returns s with its zero fields set to their defaults, the mix
// apart: that depends on the operations.
func (s Spec) WithDefaults() Spec {
	if s.Users == 0 {
		s.Users = DefaultUsers
	}
	if s.Keys == 0 {
		s.Keys = DefaultKeys
	}
	if s.Hot.Key == 0 {
		s.Hot.Key = 1
	}
	if s.Abuser.User == 0 {
		s.Abuser.User = 1
	}
	return s
}

// Validate returns an error that names each field in the wrong and what it may
// be, joined; nil when s can be drawn from. ops are the operations that a mix
// may name.
func (s Spec) Validate(ops []string) error {
	s = s.WithDefaults()
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	share := func(field string, v float64) {
		if !(v >= 0 && v <= 1) {
			fault("%s is %v, want a share of 0 to 1", field, v)
		}
	}
	count := func(field string, n uint64, skew float64) {
		if n > dist.MaxZipf {
			fault("%ss is %d, want at most 2^53", field, n)
		}
		if !(skew >= 0 && skew <= maxSkew) {
			fault("%s_skew is %v, want 0 (all alike) to %d", field, skew, maxSkew)
		}
	}
	count("user", s.Users, s.UserSkew)
	count("key", s.Keys, s.KeySkew)
	share("fresh", s.Fresh)
	share("hot.share", s.Hot.Share)
	if s.Hot.Share+s.Fresh > 1 {
		fault("hot.share and fresh are %v together, want at most 1", s.Hot.Share+s.Fresh)
	}
	if s.Hot.Key > s.Keys {
		fault("hot.key is %d, want 1 to keys (%d)", s.Hot.Key, s.Keys)
	}
	share("abuser.share", s.Abuser.Share)
	if s.Abuser.User > s.Users {
		fault("abuser.user is %d, want 1 to users (%d)", s.Abuser.User, s.Users)
	}
	share("premium", s.Premium)
	if n := len(ops); n == 0 || n > MaxOps {
		fault("the service has %d operations, want 1 to %d", n, MaxOps)
	}
	return errors.Join(append(faults, s.validateMix(ops)...)...)
}

func (s Spec) validateMix(ops []string) []error {
	var faults []error
	sum := 0.0
	seen := make(map[string]bool, len(s.Mix))
	for i, w := range s.Mix {
		if !slices.Contains(ops, w.Op) {
			faults = append(faults, fmt.Errorf("mix[%d]: op is %q, want one of %v", i, w.Op, ops))
		}
		if seen[w.Op] {
			faults = append(faults, fmt.Errorf("mix[%d]: op %q is listed twice", i, w.Op))
		}
		seen[w.Op] = true
		if !(w.Weight >= 0 && w.Weight <= 1e9) {
			faults = append(faults, fmt.Errorf("mix[%d]: weight is %v, want 0 to 1e9", i, w.Weight))
			continue
		}
		sum += w.Weight
	}
	if len(s.Mix) > 0 && sum == 0 {
		faults = append(faults, errors.New("mix: all weights are 0, want at least one above"))
	}
	return faults
}
