package fault

import (
	"maps"
	"slices"
)

// sampleNames are the keys of samples in alphabetical order.
var sampleNames = slices.Sorted(maps.Keys(samples))
