// Package sandbox runs a program that nobody trusts, and the compiler that
// builds it, so that neither can harm the machine.
//
// On Linux the program becomes process 1 of its own user, mount, process,
// network and IPC namespaces. It sees an empty read-only root with the few
// libraries that it links and a small scratch directory in memory, has no
// capability, no network and no way to start a process, and Landlock and a
// seccomp filter say so a second time. A watch outside ends it when it uses too
// much memory, prints too much or takes too long; it also ends when the process
// that started it does, however that ended.
//
// Other systems offer limits alone, and Report says so: the watch is the same, a
// process group (on Windows a job object, which ends with this process) is ended
// as a whole, and the program may do what its user may. The tag limitsonly builds
// the same for Linux, to be tested there.
//
// The first steps run in the child itself: Start runs this program again with
// Box.Self as arguments, and that call must do nothing but Init.
package sandbox
