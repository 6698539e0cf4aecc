// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IJobManager} from "./interfaces/IJobManager.sol";
import {Guarded} from "./Guarded.sol";
import {JobForwarder} from "./JobForwarder.sol";
import {CertificateLib} from "./libraries/CertificateLib.sol";

/// @title JobManager
/// @notice See {IJobManager}.
/// @dev Holds all money: the jobs' escrow, and what was charged and not yet paid out, which the TaskManager keeps account
/// of. For every token the sum of both never exceeds what is held here.
contract JobManager is IJobManager, Guarded, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev A job as stored: a settlement reads the first four slots, and the token if there is one.
    struct Record {
        uint32 version;
        Status status;
        Trigger trigger;
        Action action;
        bool hasToken;
        uint16 quorumBps;
        uint64 start;
        uint32 interval;
        uint64 inactiveFrom;
        address target;
        uint32 callbackGas;
        uint128 escrow;
        uint96 fee;
        bytes32 codeHash;
        address token;
        address owner;
    }

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
    uint32 public immutable noticeSeconds;
    bytes32 private immutable forwarderCodeHash;

    /* STORAGE */

    uint64 public jobCount;
    mapping(uint64 jobId => Record) private _jobs;
    mapping(uint64 jobId => Withdrawal) private _withdrawals;

    /* CONSTRUCTOR */

    constructor(address taskManager_, address registry_, address serviceManager_, uint32 notice) {
        taskManager = taskManager_;
        registry = registry_;
        serviceManager = serviceManager_;
        forwarderCodeHash = keccak256(_forwarderCode());
        noticeSeconds = notice;
        _disableInitializers();
    }

    function initialize(address owner, address guardian) external initializer {
        __Guarded_init(owner, guardian);
    }

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
        whenNotPaused
        returns (uint64 jobId)
    {
        (uint64 start, uint32 interval) = _checkTrigger(params);
        _check(params);
        jobId = ++jobCount;
        address forwarder = Create2.deploy(0, bytes32(uint256(jobId)), _forwarderCode());
        _jobs[jobId] = Record({
            version: 1,
            status: Status.Active,
            trigger: params.trigger,
            action: params.action,
            hasToken: params.token != address(0),
            quorumBps: params.quorumBps,
            start: start,
            interval: interval,
            inactiveFrom: 0,
            target: params.target,
            callbackGas: params.callbackGas,
            escrow: 0,
            fee: params.fee,
            codeHash: params.codeHash,
            token: params.token,
            owner: msg.sender
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
        if (params.quorumBps < CertificateLib.MIN_QUORUM_BPS || params.quorumBps > CertificateLib.MAX_QUORUM_BPS) {
            revert InvalidQuorum(params.quorumBps);
        }
    }

    function _isOurs(address target) private view returns (bool) {
        return target == address(this) || target == taskManager || target == registry || target == serviceManager;
    }

    /* MONEY IN */

    /// @inheritdoc IJobManager
    function fund(uint64 jobId, uint256 amount) external payable nonReentrant whenNotPaused {
        Record storage record = _jobs[jobId];
        if (record.status == Status.None) revert UnknownJob(jobId);
        if (record.status == Status.Cancelled) revert WrongStatus(record.status);
        _receive(jobId, record, amount);
    }

    /// @dev Tokens that deliver less than was sent are refused, for escrow must be covered in full.
    function _receive(uint64 jobId, Record storage record, uint256 amount) private {
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
        Record storage record = _owned(jobId);
        if (record.status != Status.Active) revert WrongStatus(record.status);
        record.status = Status.Paused;
        record.inactiveFrom = uint64(block.timestamp + noticeSeconds);
        emit JobPaused(jobId, record.inactiveFrom);
    }

    /// @inheritdoc IJobManager
    function resume(uint64 jobId) external {
        Record storage record = _owned(jobId);
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
        Record storage record = _owned(jobId);
        if (record.status == Status.Cancelled) revert WrongStatus(record.status);
        if (record.status == Status.Active) record.inactiveFrom = uint64(block.timestamp + noticeSeconds);
        record.status = Status.Cancelled;
        emit JobCancelled(jobId, record.inactiveFrom);
    }

    /* MONEY OUT */

    /// @inheritdoc IJobManager
    function requestWithdrawal(uint64 jobId, uint256 amount) external {
        Record storage record = _owned(jobId);
        if (amount == 0 || amount > record.escrow) revert InsufficientEscrow();
        uint256 from = record.inactiveFrom > block.timestamp ? record.inactiveFrom : block.timestamp;
        uint64 availableAt = uint64(from + noticeSeconds);
        _withdrawals[jobId] = Withdrawal(uint128(amount), availableAt);
        emit WithdrawalRequested(jobId, amount, availableAt);
    }

    /// @inheritdoc IJobManager
    /// @dev Tasks settled since the request come first: it pays out what is left, up to the amount asked for.
    function withdraw(uint64 jobId, address to) external nonReentrant {
        Record storage record = _owned(jobId);
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
    function charge(uint64 jobId, uint256 amount) external onlyTaskManager returns (bool) {
        Record storage record = _jobs[jobId];
        uint256 escrow = record.escrow;
        if (escrow < record.fee || escrow < amount) return false;
        record.escrow = uint128(escrow - amount);
        return true;
    }

    /// @inheritdoc IJobManager
    function pay(address token, address to, uint256 amount) external onlyTaskManager nonReentrant {
        _send(token, to, amount);
    }

    function _send(address token, address to, uint256 amount) private {
        if (token == address(0)) Address.sendValue(payable(to), amount);
        else IERC20(token).safeTransfer(to, amount);
    }

    /* VIEWS */

    /// @inheritdoc IJobManager
    function job(uint64 jobId) external view returns (Job memory) {
        Record memory record = _jobs[jobId];
        return Job({
            owner: record.owner,
            version: record.version,
            status: record.status,
            trigger: record.trigger,
            action: record.action,
            quorumBps: record.quorumBps,
            target: record.target,
            callbackGas: record.callbackGas,
            inactiveFrom: record.inactiveFrom,
            token: record.token,
            fee: record.fee,
            escrow: record.escrow,
            start: record.start,
            interval: record.interval,
            codeHash: record.codeHash,
            forwarder: record.status == Status.None ? address(0) : forwarderOf(jobId)
        });
    }

    /// @inheritdoc IJobManager
    function terms(uint64 jobId) external view returns (Terms memory) {
        Record storage record = _jobs[jobId];
        return Terms({
            status: record.status,
            version: record.version,
            quorumBps: record.quorumBps,
            inactiveFrom: record.inactiveFrom,
            start: record.start,
            interval: record.interval,
            callbackGas: record.callbackGas,
            target: record.target,
            token: record.hasToken ? record.token : address(0),
            fee: record.fee,
            codeHash: record.codeHash,
            forwarder: forwarderOf(jobId)
        });
    }

    /// @inheritdoc IJobManager
    function forwarderOf(uint64 jobId) public view returns (address) {
        return Create2.computeAddress(bytes32(uint256(jobId)), forwarderCodeHash);
    }

    function _forwarderCode() private view returns (bytes memory) {
        return bytes.concat(type(JobForwarder).creationCode, abi.encode(taskManager));
    }

    function withdrawal(uint64 jobId) external view returns (uint256 amount, uint64 availableAt) {
        return (_withdrawals[jobId].amount, _withdrawals[jobId].availableAt);
    }

    function _owned(uint64 jobId) private view returns (Record storage record) {
        record = _jobs[jobId];
        if (record.status == Status.None) revert UnknownJob(jobId);
        if (record.owner != msg.sender) revert NotOwner();
    }
}
