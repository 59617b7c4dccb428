package remote

import (
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Limits of one call. It waits for a connection, dials one, sends and reads,
// and is repeated once: 2 × (100 + 100 + 150) ms and the pause between, so
// about 0.7 s at worst where the library's defaults allow 6 s. Callers on a
// request's path set a shorter limit with their context.
const (
	dialLimit  = 100 * time.Millisecond
	ioLimit    = 150 * time.Millisecond
	poolLimit  = 100 * time.Millisecond
	repeats    = 1
	pauseFloor = 5 * time.Millisecond
	pauseCeil  = 20 * time.Millisecond
	poolSize   = 64 // connections at most; a call that finds none free waits up to poolLimit
)

// limited puts our limits in place of the library's.
func limited(o *redis.Options) *redis.Options {
	o.DialTimeout, o.DialerRetries = dialLimit, 1
	o.ReadTimeout, o.WriteTimeout = ioLimit, ioLimit
	o.ContextTimeoutEnabled = true
	o.MaxRetries, o.MinRetryBackoff, o.MaxRetryBackoff = repeats, pauseFloor, pauseCeil
	o.PoolSize, o.MaxActiveConns, o.PoolTimeout = poolSize, poolSize, poolLimit
	o.MinIdleConns = 0
	o.DisableIdentity = true // two commands less for each connection, and not every server knows them
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o
}
