package stat

import (
	"iter"
	"sort"
	"time"
)

// Point is a value at an instant: of the window that ends there.
type Point struct {
	At    time.Duration
	Value float64
}

// Series keeps the last points of something that is measured again and again.
// When it is full the oldest point goes. It is not safe for concurrent use. Use
// NewSeries.
type Series struct {
	points []Point // a ring once it is full
	first  int
	most   int
}

// NewSeries returns an empty series of at most n points, at least 1.
func NewSeries(n int) *Series { return &Series{most: max(n, 1)} }

// Add appends a point. Points come in order of time; one that does not is
// ignored.
func (s *Series) Add(at time.Duration, value float64) {
	if last, ok := s.Last(); ok && at < last.At {
		return
	}
	p := Point{at, value}
	if len(s.points) < s.most {
		s.points = append(s.points, p)
		return
	}
	s.points[s.first] = p
	s.first = (s.first + 1) % s.most
}

// Len returns how many points are kept.
func (s *Series) Len() int { return len(s.points) }

// Point returns the ith point kept, the oldest being 0.
func (s *Series) Point(i int) Point { return s.points[(s.first+i)%len(s.points)] }

// Last returns the newest point, and false when there is none.
func (s *Series) Last() (Point, bool) {
	if len(s.points) == 0 {
		return Point{}, false
	}
	return s.Point(len(s.points) - 1), true
}

// Between yields the points of the windows that end after from and not after
// to, oldest first.
func (s *Series) Between(from, to time.Duration) iter.Seq[Point] {
	return func(yield func(Point) bool) {
		begin := sort.Search(len(s.points), func(i int) bool { return s.Point(i).At > from })
		for i := begin; i < len(s.points); i++ {
			if p := s.Point(i); p.At > to || !yield(p) {
				return
			}
		}
	}
}

// Mean returns the mean value of the points that Between yields, and false
// when there is none. Every point weighs alike.
func (s *Series) Mean(from, to time.Duration) (mean float64, ok bool) {
	var m Moments
	for p := range s.Between(from, to) {
		m.Add(p.Value)
	}
	return m.Mean(), m.N() > 0
}
