//go:build race

package bucket_test

import "time"

// day is cut short for the race detector, which makes everything slower by an order of magnitude.
const day = time.Hour
