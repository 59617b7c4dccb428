package theory

import (
	"math"
	"time"
)

// MaxServers bounds the servers of a queue, and MaxPlaces the places of one
// that is finite: the formulas take a step for each.
const (
	MaxServers = 1 << 20
	MaxPlaces  = 1 << 20
)

// Little returns how many are inside on average when rate arrive a second and
// each stays for stay: rate × stay, for any arrivals, any order of service and
// any law (J. Little, "A proof for the queuing formula L = λW", Operations
// Research 9(3), 1961). It is exact. Read from right to left it says how long
// the stay is when rate and number are known.
func Little(rate float64, stay time.Duration) (float64, error) {
	c := check("Little").least("rate", rate, 0).that(stay >= 0, "stay", stay, "0 or more")
	return c.result(rate*stay.Seconds(), "rate", rate)
}

// ErlangB returns the share of arrivals that find all servers busy and are lost
// when nobody may wait. load is the offered load in erlangs (rate × mean
// service time), which may exceed the servers. Only the mean of the service
// time matters and not its law (A. K. Erlang, 1917; insensitivity: B. Sevastyanov,
// 1957). The recursion used is exact to about 1e-13.
func ErlangB(servers int, load float64) (float64, error) {
	if err := check("ErlangB").count("servers", servers, 1, MaxServers).least("load", load, 0).err(); err != nil {
		return 0, err
	}
	return erlangB(servers, load), nil
}

// erlangB computes B(c) = aB(c-1) / (c + aB(c-1)) from B(0) = 1.
func erlangB(servers int, load float64) float64 {
	b := 1.0
	for n := 1; n <= servers; n++ {
		// Divided through by the load, which may be huge: the product would overflow.
		b /= b + float64(n)/load
	}
	return b
}

// ErlangC returns the share of arrivals that must wait when all may wait:
// Poisson arrivals, exponential service, and a load in erlangs below servers
// (A. K. Erlang, 1917). It is exact to about 1e-13.
func ErlangC(servers int, load float64) (float64, error) {
	c := check("ErlangC").count("servers", servers, 1, MaxServers).least("load", load, 0)
	if err := c.that(load < float64(servers), "load", load, "less than servers: else the queue grows without end").err(); err != nil {
		return 0, err
	}
	return erlangC(servers, load), nil
}

func erlangC(servers int, load float64) float64 {
	b := erlangB(servers, load)
	return min(1, b/(1-load/float64(servers)*(1-b)))
}

// MMC is the steady state of a queue with Poisson arrivals, exponential service
// and one line before any number of servers. Use NewMMC; with one server it is
// M/M/1.
type MMC struct {
	servers int
	rate    float64 // arrivals a second
	speed   float64 // services a second of one server
	load    float64 // erlangs
	waits   float64 // share that waits
}

// NewMMC returns the queue that rate requests a second meet at a dependency
// with so many servers and this mean service time. The utilisation must be
// below 1.
func NewMMC(rate float64, servers int, service time.Duration) (MMC, error) {
	c := check("NewMMC").least("rate", rate, 0).count("servers", servers, 1, MaxServers).lasting("service", service)
	load := rate * service.Seconds()
	stable := load < float64(servers) || len(c.faults) > 0
	if err := c.that(stable, "rate", rate, "less than servers / service: else the queue grows without end").err(); err != nil {
		return MMC{}, err
	}
	return MMC{servers, rate, 1 / service.Seconds(), load, erlangC(servers, load)}, nil
}

// Utilisation returns the share of the servers that is busy.
func (q MMC) Utilisation() float64 { return q.load / float64(q.servers) }

// WaitShare returns the share of requests that must wait: Erlang's C.
func (q MMC) WaitShare() float64 { return q.waits }

// slack is how much faster the servers are than the arrivals, a second: the
// wait of those who wait is exponential with this rate.
func (q MMC) slack() float64 { return (float64(q.servers) - q.load) * q.speed }

// MeanWait returns the mean time from arrival to the start of service.
func (q MMC) MeanWait() time.Duration { return seconds(q.waits / q.slack()) }

// MeanWaiting returns how many wait on average: Little's law on MeanWait.
func (q MMC) MeanWaiting() float64 { return q.waits * q.rate / q.slack() }

// MeanResponse returns the mean time from arrival to the end of service.
func (q MMC) MeanResponse() time.Duration { return seconds(q.waits/q.slack() + 1/q.speed) }

// WaitQuantile returns the wait that a share of the requests do not exceed, such
// as 0.99; 0 when so many do not wait at all. share is below 1.
func (q MMC) WaitQuantile(share float64) (time.Duration, error) {
	if err := below1("MMC.WaitQuantile", share); err != nil {
		return 0, err
	}
	if q.waits <= 1-share {
		return 0, nil
	}
	return seconds(math.Log(q.waits/(1-share)) / q.slack()), nil
}

// WaitOver returns the share of requests that wait for longer than t seconds;
// all of them for a negative t.
func (q MMC) WaitOver(t float64) float64 {
	if t < 0 {
		return 1
	}
	return q.waits * math.Exp(-q.slack()*t)
}

// ResponseOver returns the share of requests that are inside for longer than t
// seconds; all of them for a negative t.
func (q MMC) ResponseOver(t float64) float64 {
	if t < 0 {
		return 1
	}
	return q.over(t)
}

// ResponseQuantile returns the time from arrival to the end of service that a
// share of the requests do not exceed. It solves for it by bisection, to a
// nanosecond or 1e-12 of the result.
func (q MMC) ResponseQuantile(share float64) (time.Duration, error) {
	if err := below1("MMC.ResponseQuantile", share); err != nil {
		return 0, err
	}
	low, high := 0., 1/q.speed
	for q.over(high) > 1-share {
		low, high = high, 2*high
	}
	for high-low > max(1e-10, high*1e-12) {
		if middle := (low + high) / 2; q.over(middle) > 1-share {
			low = middle
		} else {
			high = middle
		}
	}
	return seconds(high), nil
}

// over returns the share of requests that are inside for longer than t seconds:
// the sum of an exponential service and a wait that is exponential for a share
// of the requests and nothing for the others.
func (q MMC) over(t float64) float64 {
	x, k := q.speed*t, float64(q.servers)-1-q.load
	// (e^(-x) - e^(-x(1+k))) / k, without cancelling and without overflow.
	part := x * math.Exp(-x)
	switch {
	case k > 0:
		part = math.Exp(-x) * -math.Expm1(-k*x) / k
	case k < 0:
		part = math.Exp(-x*(1+k)) * math.Expm1(k*x) / k
	}
	return math.Exp(-x) + q.waits*part
}

func below1(name string, share float64) error {
	return check(name).that(share >= 0 && share < 1, "share", share, "0 or more and below 1").err()
}

// MG1Wait returns the mean wait at one server for Poisson arrivals and service
// times of any law with this mean and squared coefficient of variation (scv:
// variance over squared mean; 1 for an exponential law). It is exact
// (F. Pollaczek 1930, A. Khinchine 1932): half the variability halves the wait
// again and again until the constant law's half of the exponential law's.
func MG1Wait(rate float64, service time.Duration, scv float64) (time.Duration, error) {
	c := check("MG1Wait").least("rate", rate, 0).lasting("service", service).least("scv", scv, 0)
	load := rate * service.Seconds()
	stable := load < 1 || len(c.faults) > 0
	if err := c.that(stable, "rate", rate, "less than 1 / service: else the queue grows without end").err(); err != nil {
		return 0, err
	}
	return seconds(load * service.Seconds() * (1 + scv) / 2 / (1 - load)), nil
}

// MD1Wait returns the mean wait at one server for Poisson arrivals and service
// times that are all alike: exactly half of that with an exponential law.
func MD1Wait(rate float64, service time.Duration) (time.Duration, error) {
	return MG1Wait(rate, service, 0)
}

// MM1KBlocking returns the share of arrivals that one exponential server with
// so many places, the one in service included, must turn away. load is in
// erlangs and may exceed 1. It is exact to about 1e-12 (Kleinrock, "Queueing
// Systems", volume 1, 1975, section 3.6).
func MM1KBlocking(load float64, places int) (float64, error) {
	if err := check("MM1KBlocking").least("load", load, 0).count("places", places, 1, MaxPlaces).err(); err != nil {
		return 0, err
	}
	// The probability of the state after k steps of the birth-death chain,
	// from which (1-ρ)ρ^k / (1-ρ^(k+1)) follows without dividing 0 by 0 at ρ = 1.
	p := 1.0
	for range places {
		p /= p + 1/load
	}
	return p, nil
}
