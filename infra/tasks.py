"""Where tasks run, what they are given, and the two that the pipeline runs alone before a release's services."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Aws, CfnOutput, Duration, Fn, RemovalPolicy, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from cdk_nag import NagPackSuppression, NagSuppressions
from constructs import Construct

from contracts.routes import SERVICES
from infra.bootstrap import AGENTS, CREATE_DATABASES, MIGRATE, REPOSITORY
from infra.data import MASTER, Data
from infra.edge import STAGE
from infra.network import DATABASE_PORT, Network
from infra.processes import PARTS, SECRETS, Secret, Surroundings, secrets_of, variables, way_to_the_database
from infra.settings import Environment, SettingsError

STOP_SECONDS = 45
"""From SIGTERM until ECS kills. A process drains in ten, an answer that waits (``Prefer: wait``) takes 25 at most."""

LOG_RETENTION = logs.RetentionDays.ONE_MONTH
"""Long enough for what is noticed late. Logs hold no personal data."""

type Size = tuple[int, int]

SMALL: Size = (256, 512)
"""CPU units and MiB. A quarter of a core is Fargate's least, and a process is one event loop that mostly waits."""


class Tasks(Stack):
    """The cluster, logs, secrets, and the agents' roles: what ECS needs to start a task, which is not what the task
    itself may do (``roles.py``).

    One agent's role starts all tasks: it is ECS's, and no process can take it. Only the master's login at the database
    has an agent of its own, which starts one task and no other.
    """

    def __init__(
        self, scope: Construct, settings: Environment, network: Network, data: Data, image: Any, **stack: Any
    ) -> None:
        super().__init__(scope, settings.stack("Tasks"), **stack)
        self._settings = settings
        self._image = f"{self.account}.dkr.ecr.{self.region}.{self.url_suffix}/{image_named(image)}"
        self._data = data
        self.cluster = ecs.Cluster(
            self,
            "cluster",
            cluster_name=settings.prefix.removesuffix("-"),
            vpc=network.vpc,
            # Workers are scaled on its count of running tasks.
            container_insights_v2=ecs.ContainerInsights.ENABLED,
        )
        self._keep_insights_short()
        processes = [f"{service}-{part}" for service in SERVICES for part in PARTS]
        self._logs = {name: self._log(name) for name in (*processes, "tasks")}
        self._secrets = {secret.variable: self._secret(secret) for secret in SECRETS}
        self._agent = self._agent_role(AGENTS[0], list(self._secrets.values()))
        self._create_databases()
        self._migrate()
        subnets = network.vpc.select_subnets(
            subnet_group_name=network.task_subnets.subnet_group_name,
            availability_zones=network.task_subnets.availability_zones,
        )
        self.release = image
        """The image as the context named it: a way back names it again."""
        CfnOutput(self, "Cluster", value=self.cluster.cluster_name)
        CfnOutput(self, "Subnets", value=Fn.join(",", subnets.subnet_ids))
        CfnOutput(self, "SecurityGroup", value=network.app_group.security_group_id)
        CfnOutput(self, "OperatorsSecret", value=self._secrets["BILHETAGEM_OPERATORS_SECRET"].secret_arn)

    def definition(
        self,
        scope: Stack,
        name: str,
        command: Sequence[str],
        task_role: iam.IRole,
        service: str,
        *,
        size: Size = SMALL,
        more: Mapping[str, str] | None = None,
        **container: Any,
    ) -> ecs.FargateTaskDefinition:
        """A task of the one image, told what this service reads. Its log is the process's of that name."""
        secrets = {
            secret.variable: ecs.Secret.from_secrets_manager(self._secrets[secret.variable])
            for secret in secrets_of(service)
        }
        return self._task(
            scope,
            name,
            command,
            task_role,
            self._agent,
            size=size,
            environment={**variables(self.surroundings(), service), **(more or {})},
            secrets=secrets,
            **container,
        )

    def _task(
        self,
        scope: Stack,
        name: str,
        command: Sequence[str],
        task_role: iam.IRole,
        agent: iam.IRole,
        *,
        size: Size = SMALL,
        **container: Any,
    ) -> ecs.FargateTaskDefinition:
        cpu, memory = size
        task = ecs.FargateTaskDefinition(
            scope,
            name,
            family=f"{self._settings.prefix}{name}",
            cpu=cpu,
            memory_limit_mib=memory,
            # What may be done is said in one place for each role: nothing is added on the way.
            task_role=task_role.without_policy_updates(),
            execution_role=agent.without_policy_updates(),
            # As GitHub's machines build the image.
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.X86_64, operating_system_family=ecs.OperatingSystemFamily.LINUX
            ),
        )
        log = f"{name}-log"
        group = logs.LogGroup.from_log_group_name(scope, log, self._log_name(name if name in self._logs else "tasks"))
        task.add_container(
            name,
            container_name="bilhetagem",
            image=ecs.ContainerImage.from_registry(self._image),
            command=list(command),
            logging=ecs.LogDriver.aws_logs(log_group=group, stream_prefix=name),
            readonly_root_filesystem=True,
            linux_parameters=self._without_capabilities(scope, name),
            stop_timeout=Duration.seconds(STOP_SECONDS),
            **container,
        )
        NagSuppressions.add_resource_suppressions(
            task,
            [
                NagPackSuppression(
                    id="AwsSolutions-ECS2",
                    reason="Names and addresses, which differ between environments and are no secrets; those are "
                    "injected from Secrets Manager.",
                )
            ],
        )
        return task

    def _create_databases(self) -> None:
        master = self._data.master
        role = self._task_role(CREATE_DATABASES)
        # Where RDS takes the master's password no more (services/operations/databases.py).
        self._data.logins.grant_connect(role, MASTER)
        agent = self._agent_role(AGENTS[1], [master])
        self._may_start(self._agent, agent)
        task = self._task(
            self,
            CREATE_DATABASES,
            [CREATE_DATABASES],
            role,
            agent,
            environment=way_to_the_database(self.surroundings()),
            secrets={"BILHETAGEM_DATABASE_MASTER": ecs.Secret.from_secrets_manager(master)},
        )
        CfnOutput(self, "CreateDatabases", value=task.task_definition_arn)

    def _migrate(self) -> None:
        role = self._task_role(MIGRATE)
        for service in SERVICES:
            self._data.logins.grant_connect(role, service)
        environment = way_to_the_database(self.surroundings())
        task = self._task(self, MIGRATE, [MIGRATE], role, self._agent, environment=environment)
        CfnOutput(self, "Migrate", value=task.task_definition_arn)

    def _task_role(self, name: str) -> iam.Role:
        return iam.Role(self, f"{name}-role", role_name=f"{self._settings.prefix}{name}", assumed_by=_ecs())

    def surroundings(self) -> Surroundings:
        """What tasks are told of the environment."""
        return Surroundings(
            region=self.region,
            queue_prefix=self._settings.prefix,
            database=f"{self._data.database.db_instance_endpoint_address}:{DATABASE_PORT}",
            bucket=self._data.bucket.bucket_name,
            stage=STAGE,
            traces_sampled=self._settings.traces_sampled,
            retired_ticket_keys=self._settings.retired_ticket_keys,
        )

    def _without_capabilities(self, scope: Stack, name: str) -> ecs.LinuxParameters:
        parameters = ecs.LinuxParameters(scope, f"{name}-linux")
        parameters.drop_capabilities(ecs.Capability.ALL)
        return parameters

    def _log_name(self, name: str) -> str:
        return f"/bilhetagem/{self._settings.name}/{name}"

    def _log(self, name: str) -> logs.LogGroup:
        return logs.LogGroup(
            self,
            f"log-{name}",
            log_group_name=self._log_name(name),
            retention=LOG_RETENTION,
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _keep_insights_short(self) -> None:
        """What Container Insights' metrics are made of. ECS would make the group itself, for as long as it likes."""
        name = f"/aws/ecs/containerinsights/{self._settings.prefix.removesuffix('-')}/performance"
        self.cluster.node.add_dependency(
            logs.LogGroup(
                self,
                "insights",
                log_group_name=name,
                retention=logs.RetentionDays.ONE_DAY,
                removal_policy=RemovalPolicy.DESTROY,
            )
        )

    def _secret(self, secret: Secret) -> secretsmanager.Secret:
        made = secretsmanager.Secret(
            self,
            f"secret-{secret.name}",
            description=f"{self._settings.prefix.removesuffix('-')}: {secret.what}",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=secret.length, exclude_punctuation=True
            ),
            # Tickets that were sold are signed with one of them.
            removal_policy=RemovalPolicy.RETAIN,
        )
        NagSuppressions.add_resource_suppressions(
            made,
            [
                NagPackSuppression(
                    id="AwsSolutions-SMG4",
                    reason="Someone outside has the other half: the gateway, gates, people. docs/deploy.md tells how "
                    "each is changed.",
                )
            ],
        )
        return made

    def _may_start(self, *agents: iam.Role) -> None:
        """To get the image and to write the logs: what every agent may."""
        policy = iam.Policy(
            self,
            "start-tasks",
            roles=list(agents),
            statements=[
                iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"]),
                iam.PolicyStatement(
                    actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                    resources=[self.format_arn(service="ecr", resource="repository", resource_name=REPOSITORY)],
                ),
                iam.PolicyStatement(
                    actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                    resources=[group.log_group_arn for group in self._logs.values()],
                ),
            ],
        )
        NagSuppressions.add_resource_suppressions(
            policy,
            [
                NagPackSuppression(
                    id="AwsSolutions-IAM5",
                    reason="A login to ECR has no resource that could be named (Service Authorization Reference).",
                    applies_to=["Resource::*"],
                )
            ],
        )

    def _agent_role(self, name: str, secrets: Sequence[secretsmanager.ISecret]) -> iam.Role:
        read = iam.PolicyStatement(
            actions=["secretsmanager:GetSecretValue"], resources=[secret.secret_arn for secret in secrets]
        )
        return iam.Role(
            self,
            name,
            role_name=f"{self._settings.prefix}{name}",
            assumed_by=_ecs(),
            inline_policies={"secrets": iam.PolicyDocument(statements=[read])},
        )


def image_named(image: Any) -> str:
    """An image of the repository: by its digest, as a release deploys it, or by its tag. Raises SettingsError."""
    if not isinstance(image, str) or not re.fullmatch(r"sha256:[0-9a-f]{64}|[A-Za-z0-9_][\w.-]{0,127}", image):
        raise SettingsError(f"`image` in the CDK's context is {image!r}, and no digest (sha256:...) and no tag.")
    return f"{REPOSITORY}{'@' if image.startswith('sha256:') else ':'}{image}"


def _ecs() -> iam.ServicePrincipal:
    # Only for tasks of this account: the confused deputy (ECS Developer Guide, task IAM role).
    return iam.ServicePrincipal(
        "ecs-tasks.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
    )
