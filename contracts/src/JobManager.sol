// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {OwnableUpgradeable} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IJobManager} from "./interfaces/IJobManager.sol";
import {CertificateLib} from "./libraries/CertificateLib.sol";

/// @title JobManager
/// @notice See {IJobManager}.
/// @dev Holds all money: what jobs set aside (`escrow`) and what was charged and not yet paid out (`charged`). The sum of
/// both never exceeds what it holds, for every token.
contract JobManager is IJobManager, OwnableUpgradeable, UUPSUpgradeable, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    struct Withdrawal {
        uint128 amount;
        uint64 availableAt;
    }

    /* CONSTANTS */

    uint256 public constant MAX_PARAMS_BYTES = 4096;
    uint256 public constant MAX_URL_BYTES = 512;
    uint32 public constant MAX_CALLBACK_GAS = 500_000;

    address public immutable taskManager;
    address public immutable registry;
    address public immutable serviceManager;
    address public immutable forwarderCode;
    uint32 public immutable noticeSeconds;

    /* STORAGE */

    uint64 public jobCount;
    mapping(uint64 jobId => Job) private _jobs;
    mapping(uint64 jobId => Withdrawal) private _withdrawals;
    /// @notice What keepers were promised from past tasks, per token: all that `pay` may ever send.
    mapping(address token => uint256) public charged;

    /* CONSTRUCTOR */

    constructor(address taskManager_, address registry_, address serviceManager_, address forwarder_, uint32 notice) {
        taskManager = taskManager_;
        registry = registry_;
        serviceManager = serviceManager_;
        forwarderCode = forwarder_;
        noticeSeconds = notice;
        _disableInitializers();
    }

    function initialize(address owner) external initializer {
        __Ownable_init(owner);
    }

    function _authorizeUpgrade(address) internal override onlyOwner {}

    modifier onlyTaskManager() {
        if (msg.sender != taskManager) revert OnlyTaskManager();
        _;
    }

    /* CREATION */

    /// @inheritdoc IJobManager
    function createJob(JobParams calldata params, uint256 funding)
        external
        payable
        nonReentrant
        returns (uint64 jobId)
    {
        (uint64 start, uint32 interval) = _checkTrigger(params);
        _check(params);
        jobId = ++jobCount;
        address forwarder = Clones.cloneDeterministic(forwarderCode, bytes32(uint256(jobId)));
        _jobs[jobId] = Job({
            owner: msg.sender,
            version: 1,
            status: Status.Active,
            trigger: params.trigger,
            action: params.action,
            quorumBps: params.quorumBps,
            target: params.target,
            callbackGas: params.callbackGas,
            inactiveFrom: 0,
            token: params.token,
            fee: params.fee,
            escrow: 0,
            start: start,
            interval: interval,
            codeHash: params.codeHash,
            forwarder: forwarder
        });
        emit JobCreated(jobId, msg.sender, forwarder, params);
        _receive(jobId, _jobs[jobId], funding);
    }

    /// @dev The first run must lie ahead: a start in the past would make all runs since then due at once.
    function _checkTrigger(JobParams calldata params) private view returns (uint64, uint32) {
        if (params.trigger != Trigger.Interval || params.triggerData.length != 64) revert InvalidTrigger();
        (uint256 start, uint256 interval) = abi.decode(params.triggerData, (uint256, uint256));
        if (start <= block.timestamp || start > type(uint64).max) revert InvalidTrigger();
        if (interval == 0 || interval > type(uint32).max) revert InvalidInterval();
        return (uint64(start), uint32(interval));
    }

    function _check(JobParams calldata params) private view {
        if (params.action != Action.Wasm) revert InvalidAction();
        uint256 urlBytes = bytes(params.codeUrl).length;
        if (params.codeHash == 0 || urlBytes == 0 || urlBytes > MAX_URL_BYTES) revert InvalidCode();
        if (params.params.length > MAX_PARAMS_BYTES) revert ParamsTooLong();
        if (params.target.code.length == 0 || _isOurs(params.target)) revert InvalidTarget(params.target);
        if (params.callbackGas == 0 || params.callbackGas > MAX_CALLBACK_GAS) {
            revert InvalidCallbackGas(params.callbackGas);
        }
        if (params.fee == 0) revert ZeroFee();
        if (
            params.quorumBps < CertificateLib.MIN_QUORUM_BPS || params.quorumBps > CertificateLib.MAX_QUORUM_BPS
        ) revert InvalidQuorum(params.quorumBps);
    }

    function _isOurs(address target) private view returns (bool) {
        return target == address(this) || target == taskManager || target == registry || target == serviceManager
            || target == forwarderCode;
    }

    /* MONEY IN */

    /// @inheritdoc IJobManager
    function fund(uint64 jobId, uint256 amount) external payable nonReentrant {
        Job storage record = _jobs[jobId];
        if (record.status == Status.None) revert UnknownJob(jobId);
        if (record.status == Status.Cancelled) revert WrongStatus(record.status);
        _receive(jobId, record, amount);
    }

    /// @dev Tokens that deliver less than was sent are refused, for escrow must be covered in full.
    function _receive(uint64 jobId, Job storage record, uint256 amount) private {
        if (msg.value != (record.token == address(0) ? amount : 0)) revert WrongValue();
        if (amount == 0) return;
        uint256 escrow = record.escrow + amount;
        if (escrow > type(uint128).max) revert WrongValue();
        record.escrow = uint128(escrow);
        emit JobFunded(jobId, msg.sender, amount, escrow);
        if (record.token == address(0)) return;
        IERC20 token = IERC20(record.token);
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        if (token.balanceOf(address(this)) - before != amount) revert WrongValue();
    }

    /* LIFE */

    /// @inheritdoc IJobManager
    function pause(uint64 jobId) external {
        Job storage record = _owned(jobId);
        if (record.status != Status.Active) revert WrongStatus(record.status);
        record.status = Status.Paused;
        record.inactiveFrom = uint64(block.timestamp + noticeSeconds);
        emit JobPaused(jobId, record.inactiveFrom);
    }

    /// @inheritdoc IJobManager
    function resume(uint64 jobId) external {
        Job storage record = _owned(jobId);
        if (record.status != Status.Paused) revert WrongStatus(record.status);
        uint64 resumableAt = record.inactiveFrom + noticeSeconds;
        if (block.timestamp < resumableAt) revert TooEarly(resumableAt);
        uint256 earliest = block.timestamp + noticeSeconds;
        uint256 start = record.start;
        if (start < earliest) {
            uint256 runs = (earliest - start + record.interval - 1) / record.interval;
            start += runs * record.interval;
        }
        record.start = uint64(start);
        record.status = Status.Active;
        record.inactiveFrom = 0;
        emit JobResumed(jobId, ++record.version, uint64(start));
    }

    /// @inheritdoc IJobManager
    function cancel(uint64 jobId) external {
        Job storage record = _owned(jobId);
        if (record.status == Status.Cancelled) revert WrongStatus(record.status);
        if (record.status == Status.Active) record.inactiveFrom = uint64(block.timestamp + noticeSeconds);
        record.status = Status.Cancelled;
        emit JobCancelled(jobId, record.inactiveFrom);
    }

    /* MONEY OUT */

    /// @inheritdoc IJobManager
    function requestWithdrawal(uint64 jobId, uint256 amount) external {
        Job storage record = _owned(jobId);
        if (amount == 0 || amount > record.escrow) revert InsufficientEscrow();
        uint256 from = record.inactiveFrom > block.timestamp ? record.inactiveFrom : block.timestamp;
        uint64 availableAt = uint64(from + noticeSeconds);
        _withdrawals[jobId] = Withdrawal(uint128(amount), availableAt);
        emit WithdrawalRequested(jobId, amount, availableAt);
    }

    /// @inheritdoc IJobManager
    /// @dev Tasks settled since the request come first: it pays out what is left, up to the amount asked for.
    function withdraw(uint64 jobId, address to) external nonReentrant {
        Job storage record = _owned(jobId);
        if (to == address(0)) revert ZeroRecipient();
        Withdrawal memory request = _withdrawals[jobId];
        if (request.amount == 0) revert NothingRequested();
        if (block.timestamp < request.availableAt) revert TooEarly(request.availableAt);
        delete _withdrawals[jobId];
        uint128 amount = request.amount < record.escrow ? request.amount : record.escrow;
        record.escrow -= amount;
        emit JobWithdrawn(jobId, to, amount, record.escrow);
        _send(record.token, to, amount);
    }

    /// @inheritdoc IJobManager
    function charge(uint64 jobId, uint256 amount) external onlyTaskManager {
        Job storage record = _jobs[jobId];
        if (amount > record.escrow) revert InsufficientEscrow();
        record.escrow -= uint128(amount);
        charged[record.token] += amount;
    }

    /// @inheritdoc IJobManager
    function pay(address token, address to, uint256 amount) external onlyTaskManager nonReentrant {
        charged[token] -= amount;
        _send(token, to, amount);
    }

    function _send(address token, address to, uint256 amount) private {
        if (token == address(0)) Address.sendValue(payable(to), amount);
        else IERC20(token).safeTransfer(to, amount);
    }

    /* VIEWS */

    /// @inheritdoc IJobManager
    function job(uint64 jobId) external view returns (Job memory) {
        return _jobs[jobId];
    }

    /// @inheritdoc IJobManager
    function escrowOf(uint64 jobId) external view returns (uint256) {
        return _jobs[jobId].escrow;
    }

    function withdrawal(uint64 jobId) external view returns (uint256 amount, uint64 availableAt) {
        return (_withdrawals[jobId].amount, _withdrawals[jobId].availableAt);
    }

    function _owned(uint64 jobId) private view returns (Job storage record) {
        record = _jobs[jobId];
        if (record.status == Status.None) revert UnknownJob(jobId);
        if (record.owner != msg.sender) revert NotOwner();
    }
}
