package dist

// Of returns a stream in a given state, so that a test can compare it with the
// generator's published outputs.
func Of(state [4]uint64) *Stream { return &Stream{s: state} }

// What the ziggurat of the exponential law is made from.
const (
	TailFrom  = tailFrom
	LayerArea = layerArea
)
