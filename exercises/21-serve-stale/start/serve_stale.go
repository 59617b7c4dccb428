// Package servestale gives out old values rather than none.
package servestale

import (
	"context"
	"time"
)

// Config says how old a value may be, and for what. Fresh counts from the moment
// the load returned, Revalidate and IfError both from the end of Fresh.
type Config struct {
	Fresh      time.Duration // a value is given out as it is
	Revalidate time.Duration // after Fresh: given out at once, and renewed behind the answer
	IfError    time.Duration // after Fresh: given out when a load fails
	Pause      time.Duration // after a failed load an old value is given out without another try
	LoadFor    time.Duration // a load may take so long
}

// Load gets the value of a key from where it really is. It honours its context.
type Load func(ctx context.Context, key string) (string, error)

// Cache keeps values and renews them. Use New. It is safe for concurrent use.
type Cache struct {
	load Load
	// What does a cache have to remember of each key?
}

// New returns an empty cache in front of load.
func New(cfg Config, load Load) (*Cache, error) {
	return &Cache{load: load}, nil
}

// GetOrLoad returns the value of key and its age: the time since its load
// returned.
func (c *Cache) GetOrLoad(ctx context.Context, key string) (value string, age time.Duration, err error) {
	value, err = c.load(ctx, key)
	return value, 0, err
}
