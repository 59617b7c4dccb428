package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// The defaults of fields left zero.
const (
	defaultConns   = 256
	defaultTimeout = 10 * time.Second
)

// Bounds of what a plan may ask for beyond those in its own documentation.
const (
	maxOps     = 64
	maxRequest = 64 << 10 // bytes of an operation's path and body
	maxBackoff = time.Hour
)

// fill sets the defaults.
func (p *Plan) fill() {
	if p.Conns == 0 {
		p.Conns = defaultConns
	}
	if p.MaxPending == 0 {
		p.MaxPending = MaxPending
	}
	p.Client.fill()
}

// WithDefaults returns the habits with the fields that were left zero filled in,
// as every run does.
func (c Client) WithDefaults() Client {
	c.fill()
	return c
}

func (c *Client) fill() {
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.BackoffCap == 0 {
		c.BackoffCap = max(c.Backoff, defaultTimeout)
	}
}

// Validate reports everything that is wrong with a plan, each fault with its
// field's name. It looks the target's name up.
func (p Plan) Validate() error {
	p.fill()
	_, err := resolve(context.Background(), p.Target)
	return errors.Join(p.check(), err)
}

// check reports what is wrong with a filled plan but for its Target.
func (p *Plan) check() error {
	var faults []error
	bad := func(field, format string, args ...any) {
		faults = append(faults, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, args...)))
	}
	if p.Duration <= 0 || p.Duration > MaxDuration {
		bad("duration", "%v is out of range (more than 0, at most %v)", p.Duration, MaxDuration)
	}
	if p.Conns < 1 || p.Conns > MaxConns {
		bad("conns", "%d is out of range (1 to %d)", p.Conns, MaxConns)
	}
	if p.MaxPending < 1 || p.MaxPending > MaxPending {
		bad("max_pending", "%d is out of range (1 to %d)", p.MaxPending, MaxPending)
	}
	faults = append(faults, checkOps(p.Ops)...)
	faults = append(faults, p.Client.check()...)
	if err := p.Trace.check(); err != nil {
		faults = append(faults, err)
	}
	if len(p.Schedule) == 0 && !p.Closed {
		bad("schedule", "it has no phase")
	}
	if rate := p.Schedule.Max(); !(rate <= MaxRate) {
		bad("schedule", "its highest rate is %.0f/s, over %d/s; scale the traffic down", rate, MaxRate)
	}
	if len(faults) == 0 {
		if _, err := newSource(p); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

func checkOps(ops []Op) []error {
	var faults []error
	if len(ops) == 0 || len(ops) > maxOps {
		faults = append(faults, fmt.Errorf("ops: there are %d (want 1 to %d)", len(ops), maxOps))
	}
	for i, op := range ops {
		bad := func(field, format string, args ...any) {
			faults = append(faults, fmt.Errorf("ops[%d].%s: %s", i, field, fmt.Sprintf(format, args...)))
		}
		for _, c := range op.Method {
			if c < 'A' || c > 'Z' {
				bad("method", "%q is not a word of capital letters", op.Method)
				break
			}
		}
		if op.Method == "CONNECT" {
			bad("method", "CONNECT is not supported")
		}
		if !strings.HasPrefix(op.Path, "/") || strings.ContainsFunc(op.Path, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
			bad("path", "%q is not a path (begin with /, percent-encode spaces and controls)", op.Path)
		}
		if n := len(op.Path) + len(op.Body); n > maxRequest {
			bad("body", "path and body are %d bytes long (at most %d)", n, maxRequest)
		}
		switch op.Priority {
		case "", "low", "normal", "high":
		default:
			bad("priority", "%q is unknown (want low, normal or high)", op.Priority)
		}
	}
	return faults
}

// check reports what is wrong with filled habits.
func (c *Client) check() []error {
	var faults []error
	bad := func(field, format string, args ...any) {
		faults = append(faults, fmt.Errorf("client.%s: %s", field, fmt.Sprintf(format, args...)))
	}
	if c.Timeout < time.Millisecond || c.Timeout > MaxDuration {
		bad("timeout", "%v is out of range (1ms to %v)", c.Timeout, MaxDuration)
	}
	if c.Retries < 0 || c.Retries >= maxTries {
		bad("retries", "%d is out of range (0 to %d)", c.Retries, maxTries-1)
	}
	if c.Backoff < 0 || c.Backoff > maxBackoff {
		bad("backoff", "%v is out of range (0 to %v)", c.Backoff, maxBackoff)
	}
	if c.BackoffCap < c.Backoff || c.BackoffCap > maxBackoff {
		bad("backoff_cap", "%v is out of range (backoff to %v)", c.BackoffCap, maxBackoff)
	}
	if !(c.Budget >= 0 && c.Budget <= maxTries) {
		bad("budget", "%v is out of range (0 to %d)", c.Budget, maxTries)
	}
	if c.ReadBps < 0 {
		bad("read_bps", "%d is negative", c.ReadBps)
	}
	return faults
}

// resolve returns target's address, which must be of this machine's loopback.
// A name is resolved here, once, so that it cannot come to mean another host.
func resolve(ctx context.Context, target string) (string, error) {
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		return "", fmt.Errorf("target: %q is not host:port", target)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("target: port %q is out of range (1 to 65535)", port)
	}
	if strings.ContainsFunc(host, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		return "", fmt.Errorf("target: %q is not a host", host)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return "", fmt.Errorf("target: look up %q: %w", host, err)
	}
	for _, a := range addrs {
		if !a.Unmap().IsLoopback() {
			return "", fmt.Errorf("target: %s is %v, which is not a loopback address; traffic goes to this machine only", host, a)
		}
	}
	if len(addrs) == 0 {
		return "", fmt.Errorf("target: %q has no address", host)
	}
	n, _ := strconv.ParseUint(port, 10, 16) // checked above
	return netip.AddrPortFrom(addrs[0].Unmap(), uint16(n)).String(), nil
}

// maxDial bounds factors, for schedules whose rate is near 0.
const maxDial = 1000

// check reports what is wrong with a change of a run whose schedule peaks at
// rate, whose dial stands at factor, and which has a running spike (1: none).
func (c *Change) check(rate, factor, spike float64) error {
	var faults []error
	bad := func(field, format string, args ...any) {
		faults = append(faults, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, args...)))
	}
	if c.Factor != nil {
		factor = *c.Factor
	}
	if c.Trace != nil {
		if err := c.Trace.check(); err != nil {
			faults = append(faults, err)
		}
	}
	if len(c.Schedule) > 0 {
		if err := c.Schedule.Validate(); err != nil {
			bad("schedule", "%v", err)
		}
		if !(rate*factor*spike <= MaxRate) {
			bad("schedule", "its highest rate is %.0f/s, over %d/s", rate*factor*spike, MaxRate)
		}
	}
	switch {
	case !(factor >= 0 && factor <= maxDial):
		bad("factor", "%v is out of range (0 to %d)", factor, maxDial)
	case c.Factor != nil && c.Spike == nil && !(rate*factor*spike <= MaxRate):
		bad("factor", "%v would make %.0f/s, over %d/s", factor, rate*factor*spike, MaxRate)
	}
	if s := c.Spike; s != nil {
		spike = s.Factor
		switch {
		case !(spike >= 0 && spike <= maxDial):
			bad("spike.factor", "%v is out of range (0 to %d)", spike, maxDial)
		case !(rate*factor*spike <= MaxRate):
			bad("spike.factor", "%v would make %.0f/s, over %d/s", spike, rate*factor*spike, MaxRate)
		}
		if s.For <= 0 || s.For > MaxDuration {
			bad("spike.for", "%v is out of range (more than 0, at most %v)", s.For, MaxDuration)
		}
	}
	if c.Client != nil {
		filled := *c.Client
		filled.fill()
		faults = append(faults, filled.check()...)
	}
	if c.Extend != nil && (*c.Extend <= 0 || *c.Extend > MaxDuration) {
		bad("extend", "%v is out of range (more than 0, at most %v)", *c.Extend, MaxDuration)
	}
	return errors.Join(faults...)
}
