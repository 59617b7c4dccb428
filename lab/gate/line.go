package gate

// none is no job.
const none int32 = -1

// line is the waiting jobs, first come first, linked through the jobs so that
// one in the middle can leave at once.
type line struct {
	head, tail int32
	len        int
}

func (l *line) push(jobs []job, n int32) {
	jobs[n].prev, jobs[n].next = l.tail, none
	if l.tail == none {
		l.head = n
	} else {
		jobs[l.tail].next = n
	}
	l.tail = n
	l.len++
}

func (l *line) remove(jobs []job, n int32) {
	j := &jobs[n]
	if j.prev == none {
		l.head = j.next
	} else {
		jobs[j.prev].next = j.next
	}
	if j.next == none {
		l.tail = j.prev
	} else {
		jobs[j.next].prev = j.prev
	}
	l.len--
}
