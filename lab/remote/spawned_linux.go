package remote

import (
	"os/exec"
	"syscall"
)

// endWithParent has the kernel end the command when the thread that starts it
// ends, so that no server outlives a workbench that was killed. A group of its
// own keeps a Ctrl-C at the terminal from reaching it before we are done.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
