package load

import (
	"syscall"
	"unsafe"
)

// wire sends a request and receives its answer on a socket.
//
// The request is written inside the read operation, after the runtime has
// armed the wait for the answer and before it waits: so the first read comes
// when the answer is there, where the usual write and read would first read
// and find nothing. That saves one system call in three. Both calls are made
// without telling the scheduler, since neither can block on this socket.
type wire struct {
	c     *conn
	step  func(fd uintptr) bool // ready, bound once so that a request allocates nothing
	wrote int                   // bytes of c.out that are sent
	n     int
	err   error
}

func (w *wire) init(c *conn) { w.c, w.step = c, w.ready }

// send has the next receive begin with the request c.out.
func (w *wire) send() { w.wrote = 0 }

// receive reads some bytes into c.in[c.to:]; 0 bytes mean that the peer has
// closed.
func (w *wire) receive() (int, error) {
	for {
		w.n, w.err = 0, nil
		if err := w.c.raw.Read(w.step); err != nil {
			return 0, err
		}
		if w.err != nil || w.wrote == len(w.c.out) {
			return w.n, w.err
		}
		// The socket did not take the whole request at once.
		n, err := w.c.sock.Write(w.c.out[w.wrote:])
		w.wrote += n
		if err != nil {
			return 0, err
		}
	}
}

// ready is called with the socket: first at once, then when something can be
// read. It reports whether the wait is over.
func (w *wire) ready(fd uintptr) bool {
	c := w.c
	if w.wrote == 0 {
		n, errno := call(syscall.SYS_WRITE, fd, c.out)
		if errno != 0 && errno != syscall.EAGAIN {
			w.err = errno
			return true
		}
		w.wrote = n
		return n < len(c.out)
	}
	n, errno := call(syscall.SYS_READ, fd, c.room())
	if errno == syscall.EAGAIN {
		return false
	}
	if errno != 0 {
		w.err = errno
	}
	w.n = n
	return true
}

// call reads or writes b without blocking.
func call(trap, fd uintptr, b []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall(trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		switch errno {
		case 0:
			return int(n), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}
