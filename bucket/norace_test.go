//go:build !race

package bucket_test

import "time"

const day = 24 * time.Hour
