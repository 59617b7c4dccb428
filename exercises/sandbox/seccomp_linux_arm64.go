//go:build !limitsonly

package sandbox

import "golang.org/x/sys/unix"

const (
	architecture = unix.AUDIT_ARCH_AARCH64
	foreignCalls = 0
)

// deniedHere lists the calls that this architecture has beside the others.
func deniedHere() []uint32 { return []uint32{unix.SYS_ACCEPT, unix.SYS_KEXEC_FILE_LOAD} }
