package aws

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"reeve/internal/license"
)

const (
	imagesPerPage   = 500
	imagesPerFilter = 100
)

// readOwnImages reads the images that the account owns.
func (p *part) readOwnImages(ctx context.Context) error {
	return p.readImages(ctx, ec2.DescribeImagesInput{Owners: []string{"self"}})
}

// readUsedImages reads those of others that instances run. One that is gone or
// shared no more is not among them.
func (p *part) readUsedImages(ctx context.Context) error {
	var used []string
	for id, read := range p.images {
		if !read {
			used = append(used, id)
		}
	}
	slices.Sort(used)
	for some := range slices.Chunk(used, imagesPerFilter) {
		err := p.readImages(ctx, ec2.DescribeImagesInput{Filters: []types.Filter{{Name: aws.String("image-id"), Values: some}}})
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *part) readImages(ctx context.Context, which ec2.DescribeImagesInput) error {
	which.MaxResults = aws.Int32(imagesPerPage)
	which.IncludeDeprecated, which.IncludeDisabled = aws.Bool(true), aws.Bool(true)
	return pages(ctx, func(token *string) (*string, error) {
		which.NextToken = token
		page, err := p.ec2.DescribeImages(ctx, &which)
		if err != nil {
			return nil, err
		}
		reports := make([]license.Report, 0, len(page.Images))
		for i := range page.Images {
			reports = append(reports, p.image(&page.Images[i]))
		}
		return page.NextToken, p.handOver(ctx, reports)
	})
}

// image is a report of an image. Its ARN has no account, so accounts that see
// the same image say the same of it, but for the owner, who sees its tags.
func (p *part) image(i *types.Image) license.Report {
	id := aws.ToString(i.ImageId)
	p.images[id] = true
	r := license.Report{
		ARN:             "arn:" + p.partition + ":ec2:" + p.region + "::image/" + id,
		Status:          text(string(i.State)),
		Name:            text(aws.ToString(i.Name)),
		Platform:        i.PlatformDetails,
		PlatformType:    platformType(i.Platform, ""),
		UsageOperation:  i.UsageOperation,
		LicenseIncluded: included(aws.ToString(i.UsageOperation)),
		ProductCodes:    productCodes(i.ProductCodes),
	}
	if aws.ToString(i.OwnerId) == p.account {
		r.Tags = ec2Tags(i.Tags)
	}
	return r
}
