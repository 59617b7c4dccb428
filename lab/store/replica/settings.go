package replica

import (
	"errors"
	"fmt"
	"time"
)

// Where reads go, and how a caller reads its own writes.
const (
	Primary  = "primary"
	Replicas = "replicas"

	Off  = "off"
	Pin  = "pin"
	Wait = "wait"
)

// Settings are what can be switched while the service runs.
type Settings struct {
	Reads   string        `knob:"reads" options:"primary,replicas" help:"who answers reads"`
	Own     string        `knob:"own" options:"off,pin,wait" help:"how callers read their own writes from replicas: not at all, from the primary for a while, or from a replica that has applied them"`
	PinFor  time.Duration `knob:"pin_for" min:"1ms" max:"1m" help:"with pin: how long a caller reads from the primary after a write"`
	WaitFor time.Duration `knob:"wait_for" min:"0s" max:"1s" help:"with wait: how long a read waits for a replica before the primary answers"`
}

// Default returns the usual settings: replicas are not used.
func Default() Settings {
	return Settings{Reads: Primary, Own: Off, PinFor: time.Second, WaitFor: 20 * time.Millisecond}
}

// Validate reports everything that is wrong with s.
func (s Settings) Validate() error {
	var faults []error
	if s.Reads != Primary && s.Reads != Replicas {
		faults = append(faults, fmt.Errorf("reads is %q (want %s or %s)", s.Reads, Primary, Replicas))
	}
	if s.Own != Off && s.Own != Pin && s.Own != Wait {
		faults = append(faults, fmt.Errorf("own is %q (want %s, %s or %s)", s.Own, Off, Pin, Wait))
	}
	if s.PinFor < time.Millisecond || s.PinFor > time.Minute {
		faults = append(faults, fmt.Errorf("pin_for is %v (want 1ms to 1m)", s.PinFor))
	}
	if s.WaitFor < 0 || s.WaitFor > time.Second {
		faults = append(faults, fmt.Errorf("wait_for is %v (want 0s to 1s)", s.WaitFor))
	}
	if len(faults) > 0 {
		return fmt.Errorf("replica settings: %w", errors.Join(faults...))
	}
	return nil
}
