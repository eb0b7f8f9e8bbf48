package bucket_test

import (
	"testing"

	"github.com/underlimit/underlimit/bucket"
)

func TestABucketTakesNoMoreThan128BytesItself(t *testing.T) {
	if bucket.BucketSize > 128 {
		t.Errorf("it takes %d", bucket.BucketSize)
	}
}
