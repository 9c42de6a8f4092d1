# The trust policy of the role control-plane.cluster-api-provider-aws.sigs.k8s.io in account 555555555555.
# Terraform owns the whole policy: statements that are not listed here are removed. Import an existing role first:
#
#     terraform import aws_iam_role.control_plane_cluster_api_provider_aws_sigs_k8s_io control-plane.cluster-api-provider-aws.sigs.k8s.io

resource "aws_iam_role" "control_plane_cluster_api_provider_aws_sigs_k8s_io" {
  name = "control-plane.cluster-api-provider-aws.sigs.k8s.io"
  path = "/"

  permissions_boundary = "arn:aws:iam::555555555555:policy/b"

  assume_role_policy = <<-POLICY
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Effect": "Allow",
          "Principal": {
            "Service": "ec2.amazonaws.com"
          },
          "Action": "sts:AssumeRole"
        },
        {
          "Effect": "Allow",
          "Principal": {
            "AWS": "arn:aws:iam::111111111111:role/capa"
          },
          "Action": "sts:AssumeRole"
        }
      ]
    }
  POLICY

  # Other settings of an imported role are not changed.
  lifecycle {
    ignore_changes = [description, max_session_duration, tags]
  }
}
