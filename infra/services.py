"""What runs: an ingress and a worker of each service, and the private balancer before the ingresses."""

from typing import Any

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb
from constructs import Construct

from contracts.choreography import CHOREOGRAPHY, Step
from contracts.routes import SERVICES, queues_of
from infra.data import Data
from infra.edge import STAGE, definition
from infra.keys import KeyCopy
from infra.network import BALANCER_PORT, SERVICE_PORT, Network
from infra.processes import HEALTH, HEALTHY, Part, command, observed
from infra.roles import Roles
from infra.scaling import RELEASES_AT_ONCE, connections, scale_ingress, scale_worker, tasks_of
from infra.settings import Environment, Span
from infra.tasks import SMALL, Size, Tasks

DEREGISTRATION_SECONDS = 40
"""How long a task that goes may finish its requests: the longest takes 29 s, by API Gateway's limit."""

SIZES: dict[str, Size] = {"ticket-worker": (1024, 2048)}
"""Of what is more than one event loop: the press prints PDFs in a thread, some milliseconds of a core for each. A whole
core, and the least memory that Fargate has with it.
"""

START_SECONDS = 90
"""How long a task may take before it is held against it that it does not answer: to load Python's modules takes some
seconds of a core, of which a task has a quarter, and in a release all of them start at once.
"""

NOT_FOUND = (
    '{"type": "https://bilhetagem.example/problems/not_found", "title": "Not Found", "status": 404, '
    '"slug": "not_found", "detail": "There is nothing here."}'
)

PROBE = elb.HealthCheck(
    path=HEALTH,
    healthy_http_codes="200",
    interval=Duration.seconds(15),
    timeout=Duration.seconds(5),
    healthy_threshold_count=2,
    unhealthy_threshold_count=3,
)
"""When a task gets no requests any more and is replaced: after three answers that did not come, 45 seconds.
An event loop that is held up for some seconds in a rush must not lose its task to it, which would leave more to the
others. It gets requests again after two answers, since one may be luck.
"""

ALIVE = ecs.HealthCheck(
    command=list(HEALTHY),
    interval=Duration.seconds(15),
    timeout=Duration.seconds(5),
    retries=4,
    start_period=Duration.seconds(START_SECONDS),
)
"""What ECS asks in the container, the only one who asks a worker: four times, a minute, as its answer says already how
long ago it has looked at its queues, and only one that hangs gives none. In ``docker-compose.yml`` times are the same.
"""


class Services(Stack):
    """Two ECS services for each of ours, called ``<service>-ingress`` and ``<service>-worker``.

    The balancer leads by path: each service has its collection, ``/orders``, and all below it. What else a service's
    own port has (probes, operators' routes) is behind no rule, and so not to be reached through it.

    It speaks HTTP. From API Gateway's private link on, a request is inside the VPC, where groups say who may connect to
    whom; TLS to the balancer would want a certificate of a public name for a private address, and on to the tasks one
    that each of them makes. Tokens are in those requests: where a rule asks for encryption on every hop, this is where
    it is missing.
    """

    def __init__(
        self,
        scope: Construct,
        settings: Environment,
        network: Network,
        data: Data,
        roles: Roles,
        tasks: Tasks,
        keys: KeyCopy,
        table: tuple[Step, ...] = CHOREOGRAPHY,
        **stack: Any,
    ) -> None:
        super().__init__(scope, settings.stack("Services"), **stack)
        connections(settings)
        self._settings, self._network, self._roles, self._tasks = settings, network, roles, tasks
        self._tokens = {"BILHETAGEM_JWKS_URL": keys.url, "BILHETAGEM_JWT_ISSUER": keys.issuer}
        self._app_group = self._fixed("app-group", network.app_group)
        self.balancer = self._balancer(data)
        self.listener = self.balancer.add_listener(
            "http",
            port=BALANCER_PORT,
            protocol=elb.ApplicationProtocol.HTTP,
            # The network's own rules say who may connect.
            open=False,
            default_action=elb.ListenerAction.fixed_response(
                404, content_type="application/json", message_body=NOT_FOUND
            ),
        )
        self.ingresses: dict[str, ecs.FargateService] = {}
        self.workers: dict[str, ecs.FargateService] = {}
        self.targets: dict[str, elb.ApplicationTargetGroup] = {}
        for priority, (service, path) in enumerate(sorted(collections().items()), start=1):
            # In tens, so that a rule can come between.
            self.ingresses[service] = self._ingress(service, path, 10 * priority)
        for service in SERVICES:
            queues = [f"{settings.prefix}{lane.name}" for lane in queues_of(service, table)]
            self.workers[service] = self._worker(service, tasks_of(settings, service, "worker", table), queues)
        CfnOutput(self, "Image", value=tasks.release)

    def _balancer(self, data: Data) -> elb.ApplicationLoadBalancer:
        balancer = elb.ApplicationLoadBalancer(
            self,
            "balancer",
            load_balancer_name=self._settings.prefix.removesuffix("-"),
            vpc=self._network.vpc,
            vpc_subnets=self._network.door_subnets,
            security_group=self._fixed("balancer-group", self._network.balancer_group),
            internet_facing=False,
            # Longer than any request, shorter than a service keeps a connection (``KEEP_ALIVE_SECONDS``).
            idle_timeout=Duration.seconds(60),
            drop_invalid_header_fields=True,
        )
        balancer.log_access_logs(data.access_log, "balancer")
        return balancer

    def _ingress(self, service: str, path: str, priority: int) -> ecs.FargateService:
        running = self._service(
            service, "ingress", desired=None, health_check_grace_period=Duration.seconds(START_SECONDS)
        )
        target = elb.ApplicationTargetGroup(
            self,
            f"{service}-target",
            target_group_name=f"{self._settings.prefix}{service}",
            vpc=self._network.vpc,
            port=SERVICE_PORT,
            protocol=elb.ApplicationProtocol.HTTP,
            targets=[running],
            health_check=PROBE,
            deregistration_delay=Duration.seconds(DEREGISTRATION_SECONDS),
            # Some answers are held for seconds (``Prefer: wait``): a task that holds many should get fewer.
            load_balancing_algorithm_type=elb.TargetGroupLoadBalancingAlgorithmType.LEAST_OUTSTANDING_REQUESTS,
        )
        elb.ApplicationListenerRule(
            self,
            f"{service}-rule",
            listener=self.listener,
            priority=priority,
            # API Gateway sends its stage in front; the mock payment gateway, which calls from inside, does not.
            conditions=[
                elb.ListenerCondition.path_patterns(
                    [path, f"{path}/*", f"/{STAGE}{path}", f"/{STAGE}{path}/*"],
                )
            ],
            target_groups=[target],
        )
        self.targets[service] = target
        scale_ingress(running, self._settings.ingress_tasks, target)
        return running

    def _worker(self, service: str, tasks: Span, queues: list[str]) -> ecs.FargateService:
        running = self._service(service, "worker", desired=None if queues else tasks.fewest)
        if queues:
            backlog = f"{self._settings.prefix}{service}-backlog"
            scale_worker(running, tasks, backlog, queues)
        return running

    def _service(self, service: str, part: Part, desired: int | None, **more: Any) -> ecs.FargateService:
        name = f"{service}-{part}"
        webhook = f"http://{self.balancer.load_balancer_dns_name}{collections()['payment']}/webhook"
        of_payment = {"BILHETAGEM_PAYMENT_WEBHOOK_URL": webhook} if service == "payment" else {}
        definition = self._tasks.definition(
            self,
            name,
            command(service, part),
            self._roles.of(service, part),
            service,
            size=SIZES.get(name, SMALL),
            more={
                **observed(self._tasks.surroundings(), part),
                **(self._tokens if part == "ingress" else {}),
                **of_payment,
            },
            port_mappings=[ecs.PortMapping(container_port=SERVICE_PORT)],
            health_check=ALIVE,
        )
        return ecs.FargateService(
            self,
            f"{name}-service",
            service_name=name,
            cluster=self._tasks.cluster,
            task_definition=definition,
            # Set here, each deployment would undo what scaling has decided.
            desired_count=desired,
            vpc_subnets=self._network.task_subnets,
            security_groups=[self._app_group],
            assign_public_ip=False,
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            # No old task ends before a new one is healthy: a release, too, may fall into a rush.
            min_healthy_percent=100,
            max_healthy_percent=100 * RELEASES_AT_ONCE,
            availability_zone_rebalancing=ecs.AvailabilityZoneRebalancing.ENABLED,
            enable_ecs_managed_tags=True,
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
            **more,
        )

    def _fixed(self, name: str, group: ec2.ISecurityGroup) -> ec2.ISecurityGroup:
        """A group to which nothing can be added from here: its rules are the network's."""
        return ec2.SecurityGroup.from_security_group_id(self, name, group.security_group_id, mutable=False)


def collections() -> dict[str, str]:
    """Where each service's paths begin: ``{"order": "/orders", ...}``, from the API's definition."""
    return {
        tag: f"/{path.split('/')[1]}"
        for path, operations in definition()["paths"].items()
        for operation in operations.values()
        for tag in operation.get("tags", ())
    }
