//go:build !limitsonly

package sandbox

import "golang.org/x/sys/unix"

const (
	architecture = unix.AUDIT_ARCH_X86_64
	foreignCalls = 0x40000000 // x32: the same calls under other numbers
)

// deniedHere lists the calls that this architecture has beside the others.
func deniedHere() []uint32 {
	return []uint32{
		unix.SYS_ACCEPT, unix.SYS_FORK, unix.SYS_VFORK, unix.SYS_MKNOD, unix.SYS_USELIB, unix.SYS_IOPL, unix.SYS_IOPERM, unix.SYS_MODIFY_LDT,
		unix.SYS_CREATE_MODULE, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_USTAT, unix.SYS_SYSFS,
	}
}
