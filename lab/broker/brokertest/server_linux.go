package brokertest

import (
	"os/exec"
	"syscall"
)

// endWithParent has the kernel end the command when the thread that starts it
// ends, so that no server outlives a test that was killed.
func endWithParent(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
