package code

import (
	"math"
	"time"
)

// guide:begin instances

// Instances returns how many instances a peak needs. Each serves slots requests
// at once, and should be busy for at most the share busy of the time: at 0.6
// there is room for a burst, and waits are short.
func Instances(peak float64, service time.Duration, slots int, busy float64) int {
	each := busy * float64(slots) / service.Seconds() // Little's law, read backwards
	return int(math.Ceil(peak/each)) + 1              // one may be down, or new and cold
}

// guide:end

// guide:begin peak

// Peak returns the requests a second at the busiest time of the day. The
// average is over 86,400 s; factor says how much higher the peak is.
func Peak(daily, perUser, factor float64) float64 {
	return daily * perUser / 86_400 * factor
}

// guide:end
