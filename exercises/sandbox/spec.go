package sandbox

// spec is what Start tells Init, as JSON on a pipe.
type spec struct {
	Kind      Kind     `json:"kind"`
	Namespace bool     `json:"namespace"` // the process is in its own namespaces
	Landlock  int      `json:"landlock"`  // version to use; 0: none
	Seccomp   bool     `json:"seccomp"`
	Args      []string `json:"args"` // with the program's name
	Env       []string `json:"env"`
	Dir       string   `json:"dir"`      // Tool: where to run; without namespaces, the scratch directory
	Writable  []string `json:"writable"` // Tool
	Libraries []string `json:"libraries"`
	Scratch   int64    `json:"scratch"`
	Memory    int64    `json:"memory"`
	Procs     int      `json:"procs"`
	Probe     bool     `json:"probe"` // stop before the program would run
}
