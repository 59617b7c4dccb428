package load

import (
	"os/exec"
	"syscall"
)

// bind has the kernel end the child when its parent dies, however it dies.
func bind(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
