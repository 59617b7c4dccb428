//go:build !limitsonly

package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"

	"workbench/sim/clock"
)

// probe finds out which layers work by starting a child with them. A child that
// could only be confined in part counts as one that could not.
func (b *Box) probe(ctx context.Context) Report {
	r := Report{Root: os.Geteuid() == 0, Memory: true}
	r.Landlock = landlockVersion()
	if r.Landlock == 0 {
		r.Missing = append(r.Missing, Lack{"Landlock", "the kernel does not offer it", "use Linux 5.13 or newer with landlock among its security modules (the boot parameter lsm=)"})
	}
	r.Seccomp = canFilter()
	if !r.Seccomp {
		r.Missing = append(r.Missing, Lack{"seccomp", "the kernel or this processor's port of it has no filter that we know", "use Linux 4.14 or newer on amd64 or arm64"})
	}
	with := r
	with.Namespaces = true
	if err := b.try(ctx, with); err != nil {
		r.Missing = append(r.Missing, Lack{"namespaces", err.Error(), "permit user namespaces (sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0 or user.max_user_namespaces>0; in a container, a seccomp profile that permits unshare and mount)"})
		if err := b.try(ctx, r); err != nil {
			r.Landlock, r.Seccomp = 0, false
			r.Missing = append(r.Missing, Lack{"Landlock and seccomp", err.Error(), "run the workbench outside a sandbox that forbids them"})
		}
	} else {
		r.Namespaces, r.Processes = true, true
	}
	r.grade()
	return r
}

// try starts a child of each kind that confines itself and ends.
func (b *Box) try(ctx context.Context, with Report) error {
	for _, k := range []Kind{Untrusted, Tool} {
		c := Command{Kind: k, Program: "/proc/self/exe", Dir: "/", Limits: Standard()}
		p, err := (&Box{self: b.self, clock: clock.NewWall(), probing: true}).start(ctx, c, with)
		if err != nil {
			return err
		}
		if r := p.Wait(); r.Cause != Exited || r.Code != 0 {
			return fmt.Errorf("a child that should only confine itself ended as %s with status %d: %w", r.Cause, r.Code, errors.New(string(r.Stderr)))
		}
	}
	return nil
}
