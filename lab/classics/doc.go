// Package classics reproduces published results: queues with a known formula,
// figures from papers that engineers quote, and the failures that made them
// quotable. Each is run on the workbench's own engine with the cores that serve
// live requests, and held to the figure.
//
// A result counts as reproduced when it is within its tolerance of the figure
// and its 95 % confidence interval is no wider than that tolerance: a run too
// short to tell fails, just as a wrong one does. The seed is fixed in the tests,
// but nothing depends on it: another seed, or another generator, must pass too.
//
// # What the figures are
//
// Most are closed forms, which package theory computes as well; the tests hold
// the figures here to it. Where there is no formula the figure is what the
// authors' own program gives, such as the simulator behind the AWS article on
// backoff. Papers that report production numbers without the data behind them
// cannot be reproduced, only their shape: they are not listed.
package classics
