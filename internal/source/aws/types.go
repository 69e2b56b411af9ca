package aws

import (
	"context"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// size is what an instance type has by default.
type size struct {
	vcpus, cores, threadsPerCore int32
	metal                        bool
}

// typeCache keeps the sizes of instance types, which never change and are the
// same everywhere, for the life of a source.
type typeCache struct {
	mu    sync.Mutex
	known map[string]size
}

func newTypeCache() *typeCache { return &typeCache{known: map[string]size{}} }

// maxTypeNames is how many names one request asks for.
const maxTypeNames = 100

// of returns the sizes of the named types. One that EC2 does not know in the
// region is left out.
func (c *typeCache) of(ctx context.Context, client *ec2.Client, names []string) (map[string]size, error) {
	slices.Sort(names)
	names = slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "" })
	sizes := map[string]size{}
	for missing := range slices.Chunk(c.missing(names), maxTypeNames) {
		if err := c.fetch(ctx, client, missing); err != nil {
			return nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range names {
		if s, ok := c.known[name]; ok {
			sizes[name] = s
		}
	}
	return sizes, nil
}

func (c *typeCache) missing(names []string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, known := c.known[name]
		return known
	})
}

// fetch asks by filter: a name in InstanceTypes that the region does not have
// would refuse the whole request.
func (c *typeCache) fetch(ctx context.Context, client *ec2.Client, names []string) error {
	return pages(ctx, func(token *string) (*string, error) {
		page, err := client.DescribeInstanceTypes(ctx, &ec2.DescribeInstanceTypesInput{
			Filters:   []types.Filter{{Name: aws.String("instance-type"), Values: names}},
			NextToken: token,
		})
		if err != nil {
			return nil, err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, t := range page.InstanceTypes {
			if v := t.VCpuInfo; v != nil {
				c.known[string(t.InstanceType)] = size{aws.ToInt32(v.DefaultVCpus), aws.ToInt32(v.DefaultCores), aws.ToInt32(v.DefaultThreadsPerCore), aws.ToBool(t.BareMetal)}
			}
		}
		return page.NextToken, nil
	})
}
