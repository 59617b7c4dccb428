package queue

import (
	"math"
	"time"
)

// memory is for how many intervals after a spell of dropping the next one starts
// from its pace (RFC 8289, section 5.5).
const memory = 16

// codel is the drop decision of RFC 8289, section 5, made for one request at a
// time. The zero value but for its two times is ready.
type codel struct {
	target, interval time.Duration

	above     time.Duration // when waits will have been long for an interval; 0: the last was short
	dropping  bool
	next      time.Duration // while dropping: the next drop
	count     int           // drops in this spell
	lastCount int           // count at the start of the spell
}

// calm tells that a request was served without wait, or that nobody waits.
func (c *codel) calm() {
	c.above = 0
	c.dropping = false
}

// drop reports whether a request that has waited is to be dropped at now. The
// last one in the room never is: it has no one to make way for.
func (c *codel) drop(now, waited time.Duration, alone bool) bool {
	if waited < c.target || alone {
		c.calm()
		return false
	}
	if c.above == 0 {
		c.above = now + c.interval
	}
	switch {
	case now < c.above:
		c.dropping = false
		return false
	case !c.dropping:
		c.dropping = true
		// Shortly after the last spell its pace was about right: go on from it.
		pace := c.count - c.lastCount
		c.count = 1
		if pace > 1 && now-c.next < memory*c.interval {
			c.count = pace
		}
		c.lastCount = c.count
		c.next = c.after(now)
		return true
	case now >= c.next:
		c.count++
		c.next = c.after(c.next)
		return true
	}
	return false
}

// after is the control law: drops come closer together with the root of their
// number, for throughput of well-behaved senders falls with the root of loss.
func (c *codel) after(t time.Duration) time.Duration {
	return t + time.Duration(float64(c.interval)/math.Sqrt(float64(c.count)))
}
