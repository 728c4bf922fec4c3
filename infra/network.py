"""The network: subnets over named zones, the way out, and who may open a connection to whom."""

from typing import Any

from aws_cdk import Aws, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.settings import Environment

BALANCER_PORT = 80
"""Plain HTTP: from the private link on, a request does not leave the VPC, and TLS ends at API Gateway."""

SERVICE_PORT = 8000
"""Of each ingress, and of a worker's health."""

DATABASE_PORT = 5433
"""Not PostgreSQL's own, as cdk-nag's RDS11 asks: it costs nothing, since no one types it."""

HTTPS_PORT = 443

NOWHERE = "255.255.255.255/32"

ENDPOINTS = {
    "ecr.api": ec2.InterfaceVpcEndpointAwsService.ECR,
    "ecr.dkr": ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
    "logs": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
    "secretsmanager": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
    "sqs": ec2.InterfaceVpcEndpointAwsService.SQS,
    "xray": ec2.InterfaceVpcEndpointAwsService.XRAY,
}
"""All of AWS that tasks speak to, but S3: to get their image, secrets and queues, and to send logs and traces. IAM
logins at the database are signed by the task itself.

Metrics are lines of the logs (``processes.observed``). Whoever has them sent to CloudWatch from ``prod`` instead
(``BILHETAGEM_METRICS_TO=cloudwatch``) needs ``monitoring`` here, and ``cloudwatch:PutMetricData`` in ``roles.py``.
"""

PUBLIC, PRIVATE, ISOLATED = "public", "private", "isolated"


class Network(Stack):
    """A VPC of three tiers. All security groups are here, also those of what stands in other stacks: rules between
    groups of two stacks would make each need the other.

    *Endpoints or NAT.* In ``prod``, tasks reach AWS over six interface endpoints in three zones, at $0.021 an hour
    each: about $276 a month. One NAT gateway would be about $68, at $0.093 an hour, but one zone's loss would then stop
    all three; with one in each zone it is about $204, and a gigabyte through it costs nine times one through an
    endpoint. So endpoints cost more, up to some 0.9 TB a month; but they leave no way to the internet for what should
    not get out. In ``dev`` one NAT gateway is the cheapest that works. (sa-east-1, 730 hours, prices as in
    docs/deploy.md; S3's gateway endpoint is free, and both have it.)
    """

    def __init__(self, scope: Construct, settings: Environment, **stack: Any) -> None:
        super().__init__(scope, settings.stack("Network"), **stack)
        self.vpc = self._vpc(settings)
        self.task_subnets = ec2.SubnetSelection(subnet_group_name=PRIVATE, availability_zones=list(settings.zones))
        """Where tasks run."""
        self.door_subnets = ec2.SubnetSelection(subnet_group_name=PRIVATE)
        """For the balancer and the private link. A balancer wants two zones, also where tasks have one."""
        self.database_subnets = ec2.SubnetSelection(subnet_group_name=ISOLATED)
        """For RDS, which wants two zones too."""

        self.link_group = self._group("link", "The private link of API Gateway")
        self.balancer_group = self._group("balancer", "The internal load balancer")
        self.app_group = self._group("app", "Ingresses, workers and one-off tasks")
        self.database_group = self._group("database", "PostgreSQL")
        self._let(self.link_group, self.balancer_group, BALANCER_PORT, "Requests that came through API Gateway")
        self._let(self.balancer_group, self.app_group, SERVICE_PORT, "Requests and health checks")
        self._let(self.app_group, self.balancer_group, BALANCER_PORT, "The webhook, called by the mock gateway")
        self._let(self.app_group, self.database_group, DATABASE_PORT, "PostgreSQL")

        self._reach_s3()
        if settings.way_out == "endpoints":
            self.endpoint_group: ec2.SecurityGroup | None = self._reach_aws()
            self._let(self.app_group, self.endpoint_group, HTTPS_PORT, "AWS")
            s3 = ec2.Peer.prefix_list(settings.s3_prefix_list)
            self.app_group.add_egress_rule(s3, ec2.Port.tcp(HTTPS_PORT), "S3: tickets, and layers of the image")
        else:
            self.endpoint_group = None
            self.app_group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(HTTPS_PORT), "AWS, through the NAT")
        self._log_refused(settings)

    def _vpc(self, settings: Environment) -> ec2.Vpc:
        def subnets(name: str, kind: ec2.SubnetType, mask: int) -> ec2.SubnetConfiguration:
            public = {"map_public_ip_on_launch": False} if kind is ec2.SubnetType.PUBLIC else {}
            return ec2.SubnetConfiguration(name=name, subnet_type=kind, cidr_mask=mask, **public)

        return ec2.Vpc(
            self,
            "vpc",
            vpc_name=settings.prefix.removesuffix("-"),
            ip_addresses=ec2.IpAddresses.cidr(settings.cidr),
            availability_zones=[*settings.zones, *settings.spare_zones],
            nat_gateways=1 if settings.way_out == "nat" else 0,
            nat_gateway_subnets=ec2.SubnetSelection(
                subnet_group_name=PUBLIC, availability_zones=list(settings.zones[:1])
            ),
            subnet_configuration=[
                # One address is the NAT gateway's here, and one the database's below: 251 are plenty.
                subnets(PUBLIC, ec2.SubnetType.PUBLIC, 24),
                # Each task and each endpoint takes an address: 4,091 in a zone.
                subnets(PRIVATE, ec2.SubnetType.PRIVATE_WITH_EGRESS, 20),
                subnets(ISOLATED, ec2.SubnetType.PRIVATE_ISOLATED, 24),
            ],
        )

    def _group(self, name: str, of: str) -> ec2.SecurityGroup:
        group = ec2.SecurityGroup(self, name, vpc=self.vpc, description=of, allow_all_outbound=False)
        # A group without a rule of its own gets one that lets everything out (CloudFormation, AWS::EC2::SecurityGroup),
        # and rules between groups are resources beside them.
        group.add_egress_rule(ec2.Peer.ipv4(NOWHERE), ec2.Port.tcp(HTTPS_PORT), "Nowhere but where another rule says")
        return group

    def _let(self, source: ec2.SecurityGroup, target: ec2.SecurityGroup, port: int, what: str) -> None:
        source.connections.allow_to(target, ec2.Port.tcp(port), what)

    def _reach_s3(self) -> None:
        endpoint = self.vpc.add_gateway_endpoint(
            "s3",
            service=ec2.GatewayVpcEndpointAwsService.S3,
            subnets=[ec2.SubnetSelection(subnet_group_name=PRIVATE)],
        )
        # Without these, whoever gets into a task could carry data to a bucket of their own.
        endpoint.add_to_policy(
            iam.PolicyStatement(
                sid="BucketsOfThisAccount",
                principals=[iam.AnyPrincipal()],
                actions=["s3:*"],
                resources=["*"],
                conditions={"StringEquals": {"aws:ResourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        # Where ECR keeps layers (ECR User Guide, interface VPC endpoints).
        layers = self.format_arn(
            service="s3", region="", account="", resource=f"prod-{self.region}-starport-layer-bucket/*"
        )
        endpoint.add_to_policy(
            iam.PolicyStatement(
                sid="LayersOfImages", principals=[iam.AnyPrincipal()], actions=["s3:GetObject"], resources=[layers]
            )
        )

    def _reach_aws(self) -> ec2.SecurityGroup:
        group = self._group("endpoints", "Interface endpoints of AWS")
        for name, service in ENDPOINTS.items():
            endpoint = self.vpc.add_interface_endpoint(
                name.replace(".", "-"),
                service=service,
                subnets=self.task_subnets,
                security_groups=[group],
                # The CDK would let in the whole VPC.
                open=False,
            )
            # As for buckets: credentials that somebody brought along would lead to queues and logs of their own.
            endpoint.add_to_policy(
                iam.PolicyStatement(
                    sid="RolesOfThisAccount",
                    principals=[iam.AnyPrincipal()],
                    actions=["*"],
                    resources=["*"],
                    conditions={"StringEquals": {"aws:PrincipalAccount": Aws.ACCOUNT_ID}},
                )
            )
        return group

    def _log_refused(self, settings: Environment) -> None:
        # Of what is allowed, the balancer, the services and the database have logs that say more.
        self.vpc.add_flow_log(
            "refused",
            traffic_type=ec2.FlowLogTrafficType.REJECT,
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(
                logs.LogGroup(
                    self,
                    "refused-log",
                    log_group_name=f"/bilhetagem/{settings.name}/network",
                    # Long enough to ask what somebody tried, a month after it was noticed.
                    retention=logs.RetentionDays.THREE_MONTHS,
                    removal_policy=RemovalPolicy.DESTROY,
                )
            ),
        )
