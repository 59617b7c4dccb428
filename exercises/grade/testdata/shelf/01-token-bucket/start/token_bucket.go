// Package tokenbucket limits how often something happens.
package tokenbucket

import "time"

// Bucket holds tokens that come back with time.
type Bucket struct{}

// New returns a full bucket that refills at rate tokens a second, up to burst.
func New(rate float64, burst int) *Bucket { return &Bucket{} }

// Allow takes a token if there is one, at an instant since some origin.
func (b *Bucket) Allow(now time.Duration) bool { return false }
